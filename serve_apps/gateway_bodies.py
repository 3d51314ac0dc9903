"""Large bodies do not go through the gateway: Serve holds every body whole in memory, however slowly it is consumed."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps.problems import problem_of
from serve_apps.request_errors import BodyTooLargeForGateway
from serve_apps.service_port import DIRECT
from storage.settings import Settings


class GatewayBodyLimit:
    """ASGI middleware: 413 for a body over `gateway_max_body_bytes` that did not come through a service's own port.

    By `Content-Length` before anything is read, and by counting what comes in chunks.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._limit = settings.gateway_max_body_bytes
        self._direct_ports = {"/files": settings.files_port, "/extraction": settings.extraction_port}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get(DIRECT, False):
            await self._app(scope, receive, send)
        elif _content_length(scope) > self._limit:
            await self._refuse(scope, receive, send)
        else:
            await self._count(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _CountedBody(self._limit, receive, send)
        try:
            await self._app(scope, body.receive, body.send)
        except BodyTooLargeForGateway:
            if body.answer_began:
                raise
        if body.too_large and not body.answer_began:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = problem_of(Request(scope), BodyTooLargeForGateway(self._limit, self._advice(scope["path"])))
        await answer(scope, receive, send)

    def _advice(self, path: str) -> str:
        for prefix, port in self._direct_ports.items():
            if path.startswith(f"{prefix}/"):
                return f"Send it to port {port} directly, or as a resumable upload (tus) in smaller pieces."
        return f"Send files to port {self._direct_ports['/files']} directly, or as a resumable upload (tus)."


class _CountedBody:
    """The two ends of a request whose body is counted; once it is too large, the app's own answer is not wanted."""

    def __init__(self, limit: int, receive: Receive, send: Send) -> None:
        self._limit, self._receive, self._send = limit, receive, send
        self._received = 0
        self.too_large = False
        self.answer_began = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self._limit:
            self.too_large = True
            raise BodyTooLargeForGateway(self._limit, "")
        return message

    async def send(self, message: Message) -> None:
        if self.too_large and not self.answer_began:
            return
        self.answer_began = True
        await self._send(message)


def _content_length(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "0")
    return int(declared) if declared.isdecimal() else 0
