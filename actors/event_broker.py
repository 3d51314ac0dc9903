"""Whom events are told: Redis, RabbitMQ or Kafka, as the settings say."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from actors.event_messages import Message
from storage.errors import Unavailable
from storage.settings import Settings

log = logging.getLogger(__name__)

PUBLISH_SECONDS = 15.0
"""For a batch, with connecting."""
CLOSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Destination:
    url: str
    name: str
    """Of the stream, exchange or topic."""
    max_length: int
    """Of a Redis stream; the others have rules of their own."""

    @classmethod
    def of(cls, settings: Settings) -> "Destination":
        return cls(settings.events_url or settings.redis_url, settings.events_stream, settings.events_stream_max_length)


class Transport(Protocol):
    """One connection to a broker. It is used until something fails, and then closed."""

    away: ClassVar[tuple[type[Exception], ...]]
    """What its library raises when the broker cannot be reached, or does not take a message."""

    def __init__(self, destination: Destination) -> None: ...

    async def connect(self) -> None: ...

    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns when the broker has all of them, in their order."""
        ...

    async def close(self) -> None: ...


def transport_for(url: str) -> type[Transport]:
    """Imports only the one library that is needed."""
    match url.partition("://")[0]:
        case "amqp" | "amqps":
            from actors.event_rabbitmq import RabbitExchangeTransport

            return RabbitExchangeTransport
        case "kafka" | "kafka+ssl":
            from actors.event_kafka import KafkaTopicTransport

            return KafkaTopicTransport
        case _:
            from actors.event_redis import RedisStreamTransport

            return RedisStreamTransport


class EventBroker:
    """Connects when it is first needed, and anew after every failure."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._kind: type[Transport] | None = None
        self._transport: Transport | None = None

    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns when the broker has all of them. Raises `Unavailable`; some may have come through then."""
        if self._kind is None:
            # In a thread: importing a broker's library takes a moment.
            self._kind = await asyncio.to_thread(transport_for, self._destination.url)
        away: tuple[type[BaseException], ...] = (OSError, asyncio.CancelledError, *self._kind.away)
        told = False
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                if self._transport is None:
                    self._transport = self._kind(self._destination)
                    await self._transport.connect()
                await self._transport.publish(messages)
            told = True
        except away as error:
            if _stops_this_task(error):
                raise
            log.warning("event broker away", extra={"reason": f"{type(error).__name__}: {error}"})
            raise Unavailable("event broker") from error
        finally:
            if not told:
                # What is under way on the connection must not be taken for the answer to what comes next.
                await self.close()

    async def close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is None:
            return
        away: tuple[type[Exception], ...] = (OSError, *transport.away)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await transport.close()
        except away as error:
            log.info("event broker not taken leave of", extra={"reason": type(error).__name__})


def _stops_this_task(error: BaseException) -> bool:
    """Whether somebody cancelled it. A library may cancel what it gives up of its own, and who waits sees that too."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
