"""A client of tus 1.0.0 that does what a test tells it, right or wrong."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import Message

from tests.file_service import FileService, SampleTenant

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {"Content-Type": "application/offset+octet-stream"}


def described(**values: str | bytes) -> str:
    """`Upload-Metadata` for these keys."""
    raw = {key: value.encode() if isinstance(value, str) else value for key, value in values.items()}
    return ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in raw.items())


NAMED = {"Upload-Metadata": described(filename="a.txt", filetype="text/plain")}


@dataclass(frozen=True, slots=True)
class SampleUpload:
    """An upload of a tenant, on the replica that the tenant is reached through."""

    tenant: SampleTenant
    id: str

    @property
    def path(self) -> str:
        return f"/uploads/{self.id}"

    def on(self, replica: FileService) -> "SampleUpload":
        """The same upload, on another replica."""
        return SampleUpload(SampleTenant(replica, self.tenant.code, self.tenant.key), self.id)

    async def send(self, content: bytes | AsyncIterator[bytes], offset: int, /, **headers: str) -> httpx.Response:
        """One PATCH. Header names are written with `_` for `-`."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.request("PATCH", headers=PIECE | {"Upload-Offset": str(offset)} | more, content=content)

    async def head(self) -> httpx.Response:
        return await self.request("HEAD")

    async def offset(self) -> int:
        answer = await self.head()
        assert answer.status_code == 200, answer.headers
        return int(answer.headers["upload-offset"])

    async def request(self, method: str, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        return await self.tenant.request(method, self.path, headers=TUS | (headers or {}), **options)

    async def content(self) -> bytes:
        """Of the file that it became."""
        file_id = (await self.head()).headers["x-file-id"]
        return (await self.tenant.request("GET", f"/files/{file_id}/content")).content


async def begin(tenant: SampleTenant, content: bytes | None = None, /, **headers: str) -> httpx.Response:
    """One POST, with bytes of the upload or without. Header names are written with `_` for `-`."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    piece = {} if content is None else PIECE
    return await tenant.request("POST", "/uploads", headers=TUS | NAMED | piece | more, content=content or b"")


async def begun(tenant: SampleTenant, length: int | None, **headers: str) -> SampleUpload:
    size = {"Upload_Defer_Length": "1"} if length is None else {"Upload_Length": str(length)}
    answer = await begin(tenant, **size, **headers)
    assert answer.status_code == 201, answer.text
    return SampleUpload(tenant, answer.headers["location"].rpartition("/")[2])


@dataclass(slots=True)
class OpenRequest:
    """A PATCH whose body is sent by hand, straight into the replica's app: nothing is sent ahead or lost on the way."""

    upload: SampleUpload
    offset: int
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    answer_headers: dict[str, str] = field(default_factory=dict)
    _messages: "asyncio.Queue[Message]" = field(default_factory=asyncio.Queue)
    _taken: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None

    def start(self) -> "OpenRequest":
        tenant = self.upload.tenant
        named = tenant.headers | TUS | PIECE | {"Upload-Offset": str(self.offset)} | dict(self.headers)
        scope = {
            "type": "http",
            "method": "PATCH",
            "path": tenant.path + self.upload.path,
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in named.items()],
        }
        app = tenant.service.app
        self._task = asyncio.create_task(app({**scope, "app": app}, self._receive, self._send))
        return self

    async def send(self, body: bytes) -> None:
        """Returns when the app has dealt with it and asks for more."""
        assert self._task is not None
        self._taken.clear()
        self._messages.put_nowait({"type": "http.request", "body": body, "more_body": True})
        taken = asyncio.create_task(self._taken.wait())
        await asyncio.wait({taken, self._task}, return_when=asyncio.FIRST_COMPLETED)
        assert taken.done(), self.status

    def finish(self) -> None:
        """The body has ended."""
        self._messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    def hang_up(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})

    def cancel(self) -> None:
        assert self._task is not None
        self._task.cancel()

    async def end(self) -> None:
        """Until the app is through with it; what the app raised comes out here."""
        assert self._task is not None
        await self._task

    async def _receive(self) -> Message:
        if self._messages.empty():
            self._taken.set()
        return await self._messages.get()

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answer_headers = {name.decode(): value.decode() for name, value in message["headers"]}
