"""Every request has an id: the caller's where it is a plain one, else a new one. It is in each answer and log line."""

import logging
import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.logs import current_request, current_tenant

log = logging.getLogger("muniment.requests")

PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
QUIET_PATHS = ("/healthz/",)


def request_id() -> str:
    return current_request.get()


class RequestContext:
    """ASGI middleware: sets the id, returns it as `X-Request-Id`, logs one line when the answer ends."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        identifier = asked if PLAIN_ID.fullmatch(asked) else secrets.token_hex(12)
        request = current_request.set(identifier)
        tenant = current_tenant.set("")
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = identifier
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            if not any(quiet in scope["path"] for quiet in QUIET_PATHS):
                elapsed = round((time.perf_counter() - started) * 1000, 1)
                facts = {"method": scope["method"], "path": scope["path"], "status": status, "ms": elapsed}
                log.info("request", extra=facts)
            current_request.reset(request)
            current_tenant.reset(tenant)
