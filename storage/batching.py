"""What waits together is done together: fewer trips to a server or a thread, and no wait for whoever comes alone."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Answer]):
    item: Item
    answer: asyncio.Future[Answer]


class Batcher(Generic[Item, Answer]):
    """An item is worked on at once while fewer than `in_flight` batches are, else with whatever comes meanwhile.

    `work` answers in the order of its items, at most `largest` at a time. What it raises, all of its batch get.
    """

    def __init__(
        self, work: Callable[[list[Item]], Awaitable[Sequence[Answer]]], *, largest: int, in_flight: int
    ) -> None:
        self._work = work
        self._largest = largest
        self._in_flight = in_flight
        self._waiting: deque[_Waiting[Item, Answer]] = deque()
        self._workers: set[asyncio.Task[Any]] = set()

    async def ask(self, item: Item) -> Answer:
        """The answer to the item. Whoever is cancelled before the work has begun gets none done."""
        waiting: _Waiting[Item, Answer] = _Waiting(item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._workers) < self._in_flight:
            self._workers.add(asyncio.create_task(self._work_off()))
        return await waiting.answer

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                if batch := self._next_batch():
                    await self._work_on(batch)
        finally:
            # Here, not when the task has ended: an item that comes in between would wait for nobody.
            self._workers -= {asyncio.current_task()}

    def _next_batch(self) -> list[_Waiting[Item, Answer]]:
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._largest))]
        return [waiting for waiting in taken if not waiting.answer.done()]

    async def _work_on(self, batch: list[_Waiting[Item, Answer]]) -> None:
        try:
            answers = await self._work([waiting.item for waiting in batch])
        except Exception as error:  # noqa: BLE001 - it is for those who wait
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)

    async def close(self) -> None:
        """Stop what is being worked on; nobody may wait for it any more."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
