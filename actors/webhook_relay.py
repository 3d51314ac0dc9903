"""Sends to webhooks what is due. No Ray in here.

Any number of relays may run: a delivery is claimed for one attempt, and comes back when its relay dies meanwhile. Each
webhook has a stream of its own, so that a receiver that is slow or gone holds up nobody else.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from cryptography.exceptions import InvalidTag
from sqlalchemy.ext.asyncio import AsyncSession

from actors.cancellation import end_when_cancelled
from actors.event_messages import Message, message_of
from actors.webhook_sender import NotReceived
from storage import webhook_deliveries
from storage.database import Database
from storage.errors import MunimentError
from storage.webhook_deliveries import Claim, DueWebhook, Failure
from storage.webhook_secrets import WebhookSecrets

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
"""Polled, not notified: NOTIFY makes commits wait for each other."""
PAUSES_FOR_A_LOOK = 10
"""A look that took long is followed by a pause so many times as long."""
AT_A_TIME = 8
"""Requests to one webhook; one only, while nothing is received there."""
STREAMS = 256
"""Webhooks that are sent to at the same time."""
STREAMS_A_TENANT = 4
STREAM_SECONDS = 10.0
"""After so long a webhook lets those go before that had no stream."""
TRANSACTIONS = 3
"""At a time: the connections are the tenants' too."""
LEASE = timedelta(seconds=60)
"""Longer than an attempt can take."""

FIRST_PAUSE_SECONDS = 5.0
FACTOR = 3.0
LONGEST_PAUSE_SECONDS = 4 * 3600.0
JITTER = 0.2
"""A pause is up to so much shorter or longer, so that what failed together does not come back together."""


def pause_after(attempt: int, chance: float) -> timedelta:
    """How long to wait after the `attempt`th one, counted from 1; `chance` is between 0 and 1."""
    # The exponent is bounded: a float is, too.
    seconds = min(FIRST_PAUSE_SECONDS * FACTOR ** min(attempt - 1, 20), LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=seconds * (1 + JITTER * (2 * chance - 1)))


class Sender(Protocol):
    async def send(self, url: str, secret: str, message: Message) -> None:
        """Raises `NotReceived`."""
        ...

    async def close(self) -> None: ...


@dataclass(eq=False)
class WebhookRelay:
    database: Database
    sender: Sender
    secrets: WebhookSecrets
    poll: float = POLL_SECONDS
    chance: Callable[[], float] = random.random
    _streams: dict[DueWebhook, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _failing: set[DueWebhook] = field(default_factory=set, init=False)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TRANSACTIONS), init=False)

    async def run(self) -> None:
        """Until cancelled. An outage of the database is waited out."""
        clock = asyncio.get_running_loop().time
        try:
            while True:
                began = clock()
                try:
                    await self.look()
                except MunimentError as error:
                    log.warning("webhook relay pauses", extra={"reason": str(error)})
                except Exception:
                    log.exception("webhook relay failed")
                end_when_cancelled()
                await asyncio.sleep(max(self.poll, (clock() - began) * PAUSES_FOR_A_LOOK))
        finally:
            await self.close()

    async def close(self) -> None:
        for stream in self._streams.values():
            stream.cancel()
        await asyncio.gather(*self._streams.values(), return_exceptions=True)
        await self.sender.close()

    async def look(self) -> None:
        """Begin a stream to each webhook that is due, as far as there is room."""
        async with self._turns, self.database.reading_across_tenants() as session:
            found = await webhook_deliveries.due(session)
        # In another order each time, so that none is always the last.
        random.shuffle(found)
        of_tenant = Counter(webhook.tenant_id for webhook in self._streams)
        for webhook in found:
            if len(self._streams) >= STREAMS:
                return
            if webhook not in self._streams and of_tenant[webhook.tenant_id] < STREAMS_A_TENANT:
                of_tenant[webhook.tenant_id] += 1
                self._streams[webhook] = asyncio.create_task(self._stream(webhook))

    async def until_idle(self) -> None:
        """Until the streams that were begun have ended."""
        await asyncio.gather(*self._streams.values())

    async def _stream(self, webhook: DueWebhook) -> None:
        """Send to one webhook until nothing is due, nothing is received, or its time is over."""
        clock = asyncio.get_running_loop().time
        end = clock() + STREAM_SECONDS
        try:
            while await self._send_some(webhook) and clock() < end:
                end_when_cancelled()
        except MunimentError as error:
            log.warning("webhook stream pauses", extra={"webhook": webhook.id, "reason": str(error)})
        except Exception:
            log.exception("webhook stream failed", extra={"webhook": webhook.id})
        finally:
            del self._streams[webhook]

    async def _send_some(self, webhook: DueWebhook) -> bool:
        """Whether it is worth while to go on at once."""
        limit = 1 if webhook in self._failing else AT_A_TIME
        async with self._transaction(webhook) as session:
            claims = await webhook_deliveries.claim(session, webhook, limit, LEASE)
        failures = [found for found in await asyncio.gather(*map(self._attempt, claims)) if found is not None]
        lost = {failure.claim.event.sequence for failure in failures}
        received = [claim for claim in claims if claim.event.sequence not in lost]
        if received:
            self._failing.discard(webhook)
        elif failures:
            self._failing.add(webhook)
        async with self._transaction(webhook) as session:
            await webhook_deliveries.note(session, webhook, received, failures)
        return bool(received)

    async def _attempt(self, claim: Claim) -> Failure | None:
        try:
            secret = self.secrets.decrypt(claim.webhook.tenant_id, claim.encrypted_secret)
            await self.sender.send(claim.url, secret, message_of(claim.event))
        except NotReceived as error:
            return self._failure(claim, str(error))
        except InvalidTag:
            log.error("webhook secret cannot be read", extra={"webhook": claim.webhook.id})  # noqa: TRY400 - no defect
            return self._failure(claim, "The service cannot read the webhook's secret any more; make another webhook.")
        return None

    def _failure(self, claim: Claim, reason: str) -> Failure:
        # Without the URL, which may hold a secret of the receiver's.
        log.warning(
            "webhook not received",
            extra={
                "webhook": claim.webhook.id,
                "event": str(claim.event.id),
                "attempt": claim.attempt,
                "reason": reason,
            },
        )
        return Failure(claim, reason, pause_after(claim.attempt, self.chance()))

    @asynccontextmanager
    async def _transaction(self, webhook: DueWebhook) -> AsyncIterator[AsyncSession]:
        async with self._turns, self.database.transaction(webhook.tenant_id) as session:
            yield session
