"""Events in a Redis stream: one entry each, whose only field is the event as JSON."""

from collections.abc import Sequence
from typing import Any, ClassVar

from faststream.redis import RedisBroker
from faststream.redis.message import DATA_KEY
from faststream.redis.parser import MessageFormat
from redis.exceptions import RedisError

from actors.event_broker import Destination
from actors.event_messages import Message

FIELD = DATA_KEY
TIMEOUT_SECONDS = 5.0


class PlainMessage(MessageFormat):
    """The event and nothing around it, so that any client can read it; FastStream's own form is binary."""

    @classmethod
    async def encode(cls, *, message: Any, **_: Any) -> bytes:
        body: bytes = message
        return body

    @classmethod
    def parse(cls, data: bytes) -> tuple[bytes, dict[str, Any]]:
        return data, {}


class RedisStreamTransport:
    away: ClassVar[tuple[type[Exception], ...]] = (RedisError,)

    def __init__(self, destination: Destination) -> None:
        self._stream, self._max_length = destination.name, destination.max_length
        self._broker = RedisBroker(
            destination.url,
            message_format=PlainMessage,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )

    async def connect(self) -> None:
        self._redis = await self._broker.connect()

    async def publish(self, messages: Sequence[Message]) -> None:
        """In one transaction: all of them, or none."""
        async with self._redis.pipeline() as pipeline:
            for message in messages:
                await self._broker.publish(
                    message.body, stream=self._stream, maxlen=self._max_length, pipeline=pipeline
                )
            await pipeline.execute()

    async def close(self) -> None:
        await self._broker.stop()
