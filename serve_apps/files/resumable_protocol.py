"""What tus 1.0.0 (https://tus.io/protocols/resumable-upload) asks of every request and answer below `/uploads`."""

import re
from datetime import UTC
from email.utils import format_datetime

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps.problems import problem_of
from storage.resumable_errors import UnsupportedTusVersion
from storage.resumable_uploads import UploadRecord

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-defer-length,creation-with-upload,expiration,checksum,termination"

UPLOADS = re.compile(r"/v1/tenants/[^/]+/uploads(?:/[^/]*)?")
UNVERSIONED = frozenset({"GET", "OPTIONS"})
"""A client asks with OPTIONS which version to send; GET is not of the protocol."""
HEADERS = "muniment.tus"
"""Key in the ASGI scope: what the answer will carry, whatever it is."""


class TusProtocol:
    """ASGI middleware: the method and the version that the headers name, and the headers of each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not UPLOADS.fullmatch(scope["path"].removeprefix(scope.get("root_path", ""))):
            await self._app(scope, receive, send)
            return
        headers: dict[str, str] = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}
        scope[HEADERS] = headers

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self._answer(scope, receive, send_with_headers)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Headers(scope=scope)
        scope["method"] = asked.get("x-http-method-override", scope["method"]).upper()
        if scope["method"] not in UNVERSIONED and asked.get("tus-resumable") != VERSION:
            scope[HEADERS]["Tus-Version"] = VERSION
            answer = problem_of(Request(scope), UnsupportedTusVersion(VERSION))
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


def will_carry(request: Request, name: str, value: object) -> None:
    """The answer has this header, whether it is the route's or a problem."""
    request.scope[HEADERS][name] = str(value)


def will_tell_expiry(request: Request, upload: UploadRecord) -> None:
    if upload.is_finished:
        request.scope[HEADERS].pop("Upload-Expires", None)
    else:
        will_carry(request, "Upload-Expires", format_datetime(upload.time_expires.astimezone(UTC), usegmt=True))
