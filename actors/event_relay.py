"""Tells what waits in the outbox. No Ray in here.

An event is removed when the broker has confirmed it. Whoever dies in between tells it again, under the same id.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from actors.cancellation import end_when_cancelled
from actors.event_messages import Message, message_of
from storage import outbox
from storage.database import Database
from storage.errors import Unavailable

log = logging.getLogger(__name__)

RELAY_LOCK = 6_865_204
"""Key of the advisory lock that the one active relay holds; any number that nothing else here uses."""

BATCH = 500
POLL_SECONDS = 0.1
"""Polled, not notified: NOTIFY makes commits wait for each other."""
PAUSES_FOR_A_LOOK = 10
"""A look that took long is followed by a pause so many times as long."""
TURN_SECONDS = 5.0
"""How often a relay that is not active asks whether it is its turn."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0


class Publisher(Protocol):
    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns when all of them are safe. Raises `Unavailable`."""
        ...

    async def close(self) -> None: ...


@dataclass(eq=False)
class EventRelay:
    """One of all relays works at a time, which keeps the order; its place is free as soon as its connection is gone."""

    database: Database
    broker: Publisher
    poll: float = POLL_SECONDS
    turn: float = TURN_SECONDS
    first_pause: float = FIRST_PAUSE_SECONDS
    _failures: int = field(default=0, init=False)

    async def run(self) -> None:
        """Until cancelled. An outage of the database or the broker is waited out; the events wait in the outbox."""
        try:
            while True:
                pause = await self._work()
                end_when_cancelled()
                await asyncio.sleep(pause)
        finally:
            await self.broker.close()

    async def _work(self) -> float:
        """Relay as long as this is the active one and nothing fails; how long to wait before the next try."""
        try:
            async with self.database.holding_across_tenants(RELAY_LOCK) as connection:
                if connection is None:
                    return self.turn
                await self._relay(connection)
        except Unavailable as error:
            log.warning("event relay pauses", extra={"reason": str(error)})
        except Exception:
            log.exception("event relay failed")
        self._failures += 1
        # Longer each time. The lock is free meanwhile: another relay may reach what this one cannot.
        return min(self.first_pause * 2.0 ** (self._failures - 1), LONGEST_PAUSE_SECONDS)

    async def _relay(self, connection: AsyncConnection) -> None:
        """Ends only by raising."""
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            told = await self.relay_some(connection)
            end_when_cancelled()
            self._failures = 0
            if not told:
                # Told rows lie in the way as long as an old snapshot, such as a dump's, may see them: look less often.
                await asyncio.sleep(max(self.poll, (clock() - began) * PAUSES_FOR_A_LOOK))
            elif told < BATCH:
                await asyncio.sleep(self.poll)

    async def relay_some(self, connection: AsyncConnection) -> int:
        """One batch; how many events it was."""
        events = await outbox.waiting(connection, BATCH)
        if events:
            try:
                await self.broker.publish([message_of(event) for event in events])
            except Unavailable:
                log.warning("events wait", extra={"events": await outbox.count(connection)})
                raise
            await outbox.remove(connection, events)
        return len(events)
