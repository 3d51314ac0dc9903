"""What something is now, again and again until it has ended, as server-sent events (WHATWG HTML, 9.2).

Events tell what it is, not each step on the way, so nothing needs to be kept for those who come back: an event's id
says what its receiver has seen, and whoever sends it back as `Last-Event-ID` is told only what is different.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Generic

import orjson
from fastapi import Header
from starlette.responses import StreamingResponse

from serve_apps.extraction.job_changes import JobChanges, Watched
from serve_apps.extraction.schemas import Json
from storage.errors import MunimentError

KEEP_ALIVE_SECONDS = 15.0
"""A silent stream says that it lives, so that nothing on the way takes it for dead."""

LastEventId = Annotated[str, Header(max_length=100)]
EVENT_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}


@dataclass(frozen=True, slots=True)
class Watch(Generic[Watched]):
    """Something that changes until it has ended."""

    id: str
    read: Callable[[], Awaitable[Watched]]
    mark: Callable[[Watched], str]
    """An event's id: what there is to see; the part before the last two hyphens is the state."""
    event: Callable[[Watched, bool], tuple[str, Json]]
    """Name and data of the event; whether the receiver has seen the state already is told."""
    is_final: Callable[[Watched], bool]
    pause: float = 0.0
    """Seconds between two events, at least."""


def event_stream(watch: Watch[Watched], now: Watched, changes: JobChanges, seen: str) -> StreamingResponse:
    """`now` is what was read before the answer began."""
    return StreamingResponse(
        _events(watch, now, changes, seen), 200, {"Cache-Control": "no-store"}, "text/event-stream"
    )


async def _events(watch: Watch[Watched], now: Watched, changes: JobChanges, seen: str) -> AsyncIterator[bytes]:
    while True:
        yield _event(watch, now, seen) if _is_news(watch, seen, now) else b": alive\n\n"
        seen = watch.mark(now)
        if watch.is_final(now) or changes.closing:
            return
        await asyncio.sleep(watch.pause)
        try:
            now = await changes.until(watch.id, watch.read, partial(_is_news, watch, seen), KEEP_ALIVE_SECONDS)
        except MunimentError:
            # Deleted, or the database is away: a client that comes back is told which.
            return


def _is_news(watch: Watch[Watched], seen: str, now: Watched) -> bool:
    return watch.mark(now) != seen


def _event(watch: Watch[Watched], now: Watched, seen: str) -> bytes:
    mark = watch.mark(now)
    name, data = watch.event(now, _state(seen) == _state(mark))
    return f"id: {mark}\nevent: {name}\ndata: {orjson.dumps(data).decode()}\n\n".encode()


def _state(mark: str) -> str:
    return mark.rsplit("-", 2)[0]
