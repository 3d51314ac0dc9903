"""More requests at once than a process has room for are turned away, while it still answers those that it has."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps.problems import problem_of
from serve_apps.request_context import QUIET_PATHS
from serve_apps.request_errors import Overloaded


class BoundedConcurrency:
    """ASGI middleware: 503 `overloaded` for what comes while `limit` requests are being answered.

    Health is told always: whoever asks must not take a busy process for a dead one. A stream and a long poll count
    until they end.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app, self._limit = app, limit
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or any(quiet in scope["path"] for quiet in QUIET_PATHS):
            await self._app(scope, receive, send)
        elif self._in_flight >= self._limit:
            await problem_of(Request(scope), Overloaded())(scope, receive, send)
        else:
            await self._count(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_flight -= 1
