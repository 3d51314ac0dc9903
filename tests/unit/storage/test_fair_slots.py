"""Slots that no owner can take all of."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.fair_slots import FairSlots


class Workers:
    """Work of several owners, each piece held in its slot until it is told to end."""

    def __init__(self, slots: int) -> None:
        self._slots = FairSlots(slots)
        self.running: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, *pieces: str) -> None:
        """Pieces are named for their owner: `a1` is of `a`."""
        for piece in pieces:
            self._ends[piece] = asyncio.Event()
            self._tasks[piece] = asyncio.create_task(self._work(piece))
        await settled()

    async def end(self, piece: str) -> None:
        self._ends[piece].set()
        await self._tasks[piece]
        await settled()

    async def cancel(self, piece: str) -> None:
        self._tasks[piece].cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._tasks[piece]
        await settled()

    async def _work(self, piece: str) -> None:
        async with self._slots.slot(piece[0]):
            self.running.append(piece)
            try:
                await self._ends[piece].wait()
            finally:
                self.running.remove(piece)


async def settled() -> None:
    """Everything that can go on has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_last_slot_is_kept_for_others() -> None:
    workers = Workers(3)
    await workers.begin("a1", "a2", "a3", "a4")
    assert workers.running == ["a1", "a2"]
    await workers.begin("b1")
    assert workers.running == ["a1", "a2", "b1"]


async def test_one_slot_serves_everybody_in_turn() -> None:
    workers = Workers(1)
    await workers.begin("a1", "a2", "b1", "a3")
    order = []
    while workers.running:
        (piece,) = workers.running
        order.append(piece)
        await workers.end(piece)
    assert order == ["a1", "a2", "b1", "a3"]


async def test_owners_take_turns_however_many_each_waits_for() -> None:
    workers = Workers(2)
    await workers.begin("x1", "y1", "a1", "a2", "a3", "b1", "c1")
    await workers.end("x1")
    await workers.end("a1")
    await workers.end("b1")
    assert workers.running == ["y1", "c1"]


async def test_who_is_cancelled_while_waiting_takes_no_slot() -> None:
    workers = Workers(1)
    await workers.begin("a1", "b1", "b2", "c1")
    await workers.cancel("b1")
    await workers.cancel("c1")
    await workers.end("a1")
    assert workers.running == ["b2"]


async def test_a_slot_that_comes_in_the_moment_of_cancelling_goes_to_the_next() -> None:
    slots = FairSlots(1)
    async with AsyncExitStack() as first:
        await first.enter_async_context(slots.slot("a"))
        waiting = asyncio.create_task(AsyncExitStack().enter_async_context(slots.slot("b")))
        await settled()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(5), slots.slot("c"):
        pass


@given(st.integers(1, 4), st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.booleans())))
def test_slots_are_neither_lost_nor_made(number: int, work: list[tuple[str | None, bool]]) -> None:
    async def run() -> None:
        slots, held = FairSlots(number), Counter[str | None]()

        async def one(owner: str | None) -> None:
            async with slots.slot(owner):
                held[owner] += 1
                assert held.total() <= number
                assert number == 1 or held[owner] < number
                try:
                    await asyncio.sleep(0)
                finally:
                    held[owner] -= 1

        tasks = [asyncio.create_task(one(owner)) for owner, _ in work]
        await asyncio.sleep(0)
        for task, (_, is_cancelled) in zip(tasks, work, strict=True):
            if is_cancelled:
                task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ended)
        # Nobody waits any more: every slot can be had.
        async with asyncio.timeout(5), AsyncExitStack() as together:
            for owner in range(number):
                await together.enter_async_context(slots.slot(owner))

    asyncio.run(run())
