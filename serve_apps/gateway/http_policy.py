"""What happens to a request on the gateway's port before Serve looks at it.

Serve calls `middlewares` in its proxy (and, behind HAProxy, in the replica that HAProxy reaches) because the
environment says `RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=serve_apps.gateway.http_policy.middlewares`.
"""

import secrets

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps.bounded_concurrency import BoundedConcurrency
from serve_apps.gateway_bodies import GatewayBodyLimit
from serve_apps.request_context import PLAIN_ID
from storage.logs import current_request
from storage.settings import get_settings

SERVE_POLICY_HEADERS = {
    b"x-request-timeout-seconds",
    b"x-request-disconnect-disabled",
    b"serve-multiplexed-model-id",
    b"x-session-id",
}
"""With these a client could set Serve's time limit and choose replicas."""


def middlewares() -> list[Middleware]:
    """Serve wraps them one around the other: the last one sees a request first."""
    settings = get_settings()
    return [
        Middleware(GatewayBodyLimit, settings),
        Middleware(BoundedConcurrency, settings.max_concurrent_requests),
        Middleware(GatewayHeaders),
    ]


class GatewayHeaders:
    """ASGI middleware: drops headers that steer Serve, and gives the request the one id that all parts then use."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier, headers = _cleaned(scope["headers"])

        async def send_with_one_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Serve appends its own header to the app's; setting it leaves one.
                MutableHeaders(scope=message)["X-Request-Id"] = identifier
            await send(message)

        token = current_request.set(identifier)
        try:
            await self._app({**scope, "headers": headers}, receive, send_with_one_id)
        finally:
            current_request.reset(token)


def _cleaned(headers: list[tuple[bytes, bytes]]) -> tuple[str, list[tuple[bytes, bytes]]]:
    """The request's id, and its headers with that id and without those that are Serve's."""
    identifier = secrets.token_hex(12)
    kept = []
    for name, value in headers:
        canonical = name.lower().replace(b"_", b"-")
        if canonical == b"x-request-id":
            asked = value.decode("latin-1")
            identifier = asked if PLAIN_ID.fullmatch(asked) else identifier
        elif canonical not in SERVE_POLICY_HEADERS:
            kept.append((name, value))
    return identifier, [*kept, (b"x-request-id", identifier.encode())]
