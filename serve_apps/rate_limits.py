"""A tenant's rate limits: what its calls cost, and what the answers tell of it.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

from collections.abc import Iterable

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps.request_errors import RateLimited
from storage.rate_limiter import Asked, Charge, RateLimiter
from storage.rate_windows import WINDOW_SECONDS, Limit, Reading
from storage.records import TenantRecord

READINGS = "muniment.rate_limits"
"""Key in the ASGI scope: the limits that this request was counted against, by name, as they stand."""

REQUESTS, UPLOAD_BYTES = "requests", "upload-bytes"
UNITS = {REQUESTS: "", UPLOAD_BYTES: ';qu="content-bytes"'}
LARGEST_FIELD_INTEGER = 10**15 - 1
"""RFC 9651, section 3.3.1."""


def requests_limit(tenant: TenantRecord) -> Limit | None:
    return _limit(tenant, REQUESTS, "requests_per_minute")


def upload_limit(tenant: TenantRecord) -> Limit | None:
    return _limit(tenant, UPLOAD_BYTES, "upload_bytes_per_minute")


def _limit(tenant: TenantRecord, name: str, field: str) -> Limit | None:
    # As it is stored, without the whole configuration's defaults: every request comes by here.
    amount = tenant.configuration.get("rate_limit", {}).get(field)
    return Limit(name, amount) if amount is not None else None


async def count_request(request: Request, limiter: RateLimiter, tenant: TenantRecord) -> None:
    """Costs one request. Asks nobody where the tenant has no limits. Raises `RateLimited`."""
    costs = (requests_limit(tenant), 1), (upload_limit(tenant), 0)
    asked = [(limit, amount) for limit, amount in costs if limit is not None]
    if asked:
        await take(request, limiter, tenant, asked)


async def take(request: Request, limiter: RateLimiter, tenant: TenantRecord, asked: Asked) -> list[Charge]:
    """What was taken; the answer's header fields will tell of it. Raises `RateLimited`, and then nothing was."""
    answer = await limiter.take(tenant.id, asked)
    request.scope.setdefault(READINGS, {}).update({reading.limit.name: reading for reading in answer.readings})
    if not answer.charges:
        refusing = max(answer.readings, key=lambda reading: reading.seconds_until_it_fits)
        raise RateLimited(refusing.limit.name, refusing.seconds_until_it_fits)
    return answer.charges


class RateLimitFields:
    """ASGI middleware: `RateLimit-Policy` and `RateLimit` on every answer to a request that was counted."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        readings: dict[str, Reading] = {}
        scope[READINGS] = readings

        async def send_with_fields(message: Message) -> None:
            if readings and message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = policy_field(reading.limit for reading in readings.values())
                headers["RateLimit"] = standing_field(readings.values())
            await send(message)

        await self.app(scope, receive, send_with_fields)


def policy_field(limits: Iterable[Limit]) -> str:
    """What is allowed: `"requests";q=100;w=60`."""
    return ", ".join(
        f'"{limit.name}";q={_integer(limit.amount)}{UNITS[limit.name]};w={WINDOW_SECONDS}' for limit in limits
    )


def standing_field(readings: Iterable[Reading]) -> str:
    """What is left, and in how many seconds there is more: `"requests";r=50;t=30`."""
    return ", ".join(_standing(reading) for reading in readings)


def _standing(reading: Reading) -> str:
    left = f'"{reading.limit.name}";r={_integer(reading.remaining)}'
    # Of a refusal the same moment as its Retry-After.
    seconds = reading.seconds_until_more if reading.fits else reading.seconds_until_it_fits
    return f"{left};t={seconds}" if seconds else left


def _integer(number: int) -> int:
    return min(number, LARGEST_FIELD_INTEGER)
