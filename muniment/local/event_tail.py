"""`muniment events`: the end of the stream that the relay writes."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Self

import orjson
from redis import Redis
from redis.exceptions import RedisError

from actors.event_redis import FIELD
from muniment.errors import MunimentError
from muniment.local.home import Home
from storage.settings import Settings

PATIENCE_MS = 10_000
"""Of one look for more; the connection would take longer silence for an outage."""


@dataclass(frozen=True, slots=True)
class EventTail:
    url: str
    stream: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The stream that the settings name, or that of the Muniment which runs on their home."""
        instance = Home(settings.home).running_instance()
        url = settings.events_url or settings.redis_url or (instance.redis_url if instance else "")
        if not url:
            raise MunimentError(f"No Muniment runs on {settings.home}, and MUNIMENT_EVENTS_URL is not set.")
        if not url.startswith("redis"):
            raise MunimentError("This shows a Redis stream; RabbitMQ and Kafka have tools of their own.")
        return cls(url, settings.events_stream)

    def read(self, last: int, tenant: str | None, *, follow: bool) -> Generator[str]:
        """The last events and, when followed, all that come. `tenant` passes over those about others."""
        try:
            with Redis.from_url(self.url, protocol=2, socket_timeout=PATIENCE_MS / 1000 + 5) as redis:
                for event in self._entries(redis, last, follow=follow):
                    if tenant is None or orjson.loads(event)["subject"] == tenant:
                        yield event.decode()
        except RedisError as error:
            raise MunimentError(f"The stream cannot be read: {error}") from error

    def _entries(self, redis: "Redis", last: int, *, follow: bool) -> Generator[bytes]:
        newest: Any = redis.xrevrange(self.stream, count=max(last, 1))
        position = newest[0][0] if newest else "0"
        for _, fields in reversed(newest[:last]):
            yield fields[FIELD.encode()]
        while follow:
            found: Any = redis.xread({self.stream: position}, block=PATIENCE_MS)
            for _, entries in found:
                for position, fields in entries:  # noqa: B007 - where to go on
                    yield fields[FIELD.encode()]
