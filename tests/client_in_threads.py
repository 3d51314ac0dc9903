"""The blocking client, to be awaited: what is tested on one client is tested on both."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

from muniment import AsyncClient, Client

ITERATORS = {"list", "iter_bytes", "extract_many", "deliveries"}
LISTED_AT_ONCE = {"Keys", "Webhooks"}
"""Classes whose `list` returns everything."""


def in_threads(client: Client) -> AsyncClient:
    return cast("AsyncClient", _InThreads(client))


class _InThreads:
    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if name == "for_tenant":
            return lambda *args, **named: _InThreads(value(*args, **named))
        if name in ITERATORS and not (name == "list" and type(self._target).__name__ in LISTED_AT_ONCE):
            return lambda *args, **named: _iterate(iter(value(*args, **named)))
        return _awaitable(value) if callable(value) else _InThreads(value)


def _awaitable(method: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **named: Any) -> Any:
        return await asyncio.to_thread(method, *args, **named)

    return call


async def _iterate(items: Iterator[Any]) -> AsyncIterator[Any]:
    nothing = object()
    while (item := await asyncio.to_thread(next, items, nothing)) is not nothing:
        yield item
