"""One attempt to send an event to a webhook, signed as the Standard Webhooks specification says."""

import asyncio
import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from typing import NoReturn

import httpcore
import httpx

from actors.checked_connections import AddressRefused, CheckedConnections, HostNotFound
from actors.event_messages import CONTENT_TYPE, Message
from storage.network_addresses import AddressRules
from storage.webhook_secrets import signing_key

log = logging.getLogger(__name__)

ATTEMPT_SECONDS = 15.0
"""For all of an attempt: finding the host, connecting, sending, and the status of the answer."""
KEPT_CONNECTIONS = 100
KEPT_SECONDS = 5.0
MAX_ANSWER_BYTES = 64 * 2**10
"""Of an answer that is longer the connection is closed; nothing is done with what it says."""
MAX_REASON = 200
USER_AGENT = "Muniment-Webhooks/1"


class NotReceived(Exception):
    """The attempt failed; what it says may be shown to the tenant, and says nothing of what the receiver said."""


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: HMAC-SHA256 of `id.timestamp.body`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(signing_key(secret), signed, hashlib.sha256)).decode()


class WebhookSender:
    """Follows no redirect and knows no proxy: it connects to what was looked at, and to nothing else."""

    def __init__(
        self, rules: AddressRules, now: Callable[[], float] = time.time, attempt_seconds: float = ATTEMPT_SECONDS
    ) -> None:
        self._rules = rules
        self._now = now
        self._attempt_seconds = attempt_seconds
        self._pools: dict[str, tuple[CheckedConnections, httpcore.AsyncConnectionPool]] = {}

    async def send(self, url: str, secret: str, message: Message) -> None:
        """Returns when the receiver has answered 2xx. Raises `NotReceived`."""
        try:
            async with asyncio.timeout(self._attempt_seconds):
                status = await self._post(url, secret, message)
        except (TimeoutError, httpcore.TimeoutException):
            raise NotReceived(f"No answer within {self._attempt_seconds:g} seconds.") from None
        except AddressRefused:
            raise NotReceived("The host's name leads to an address that webhooks are not sent to.") from None
        except HostNotFound:
            raise NotReceived("The host's name was not found.") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            said = str(error) or type(error).__name__
            raise NotReceived(f"The connection failed: {said[:MAX_REASON]}") from None
        if not httpx.codes.is_success(status):
            _refused(status)

    async def _post(self, url: str, secret: str, message: Message) -> int:
        target = httpx.URL(url)
        timestamp = int(self._now())
        headers = {
            "Host": target.netloc.decode(),
            "User-Agent": USER_AGENT,
            "Content-Type": CONTENT_TYPE,
            "Content-Length": str(len(message.body)),
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secret, message.id, timestamp, message.body),
        }
        request = httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path)
        pool = await self._pool(target.scheme)
        async with pool.stream(
            "POST",
            request,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            content=message.body,
        ) as answer:
            await _drain(answer)
            return answer.status

    async def _pool(self, scheme: str) -> httpcore.AsyncConnectionPool:
        if scheme not in self._pools:
            # In a thread: the certificates of authorities are read from disk.
            context = await asyncio.to_thread(httpx.create_ssl_context) if scheme == "https" else None
            connections = CheckedConnections(self._rules, trusted_only=scheme == "http")
            pool = httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_connections=None,
                max_keepalive_connections=KEPT_CONNECTIONS,
                keepalive_expiry=KEPT_SECONDS,
                network_backend=connections,
            )
            # Others may have waited for their thread as well.
            self._pools.setdefault(scheme, (connections, pool))
        return self._pools[scheme][1]

    async def close(self) -> None:
        for connections, pool in self._pools.values():
            await pool.aclose()
            await connections.aclose()
        self._pools.clear()


async def _drain(answer: httpcore.Response) -> None:
    """Read what little there is, so that the connection can be used again."""
    length = 0
    async for part in answer.aiter_stream():
        length += len(part)
        if length > MAX_ANSWER_BYTES:
            return


def _refused(status: int) -> NoReturn:
    if httpx.codes.is_redirect(status):
        raise NotReceived(f"The receiver answered {status}; redirects are not followed.")
    raise NotReceived(f"The receiver answered {status}.")
