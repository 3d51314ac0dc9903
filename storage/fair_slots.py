"""Places for work that takes long, which no owner can take all of."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class FairSlots:
    """So many at a time. Owners who wait get slots in turn, however many each of them waits for.

    The last free slot is for an owner that holds none: whoever comes new waits for one piece of work at most. One per
    event loop.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._held: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        """In the order of the owners' next turns."""

    @asynccontextmanager
    async def slot(self, owner: Hashable) -> AsyncIterator[None]:
        await self._take(owner)
        try:
            yield
        finally:
            self._give_back(owner)

    async def _take(self, owner: Hashable) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            # Its turn may have come in the same moment.
            if not turn.cancelled():
                self._give_back(owner)
            raise

    def _give_back(self, owner: Hashable) -> None:
        self._free += 1
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
        self._hand_out()

    def _hand_out(self) -> None:
        while may := [owner for owner in self._waiting if self._may_have_one(owner)]:
            owner = may[0]
            turns = self._waiting.pop(owner)
            turn = turns.popleft()
            if turns:
                self._waiting[owner] = turns
            # Who does not wait any more is passed over.
            if not turn.cancelled():
                self._free -= 1
                self._held[owner] += 1
                turn.set_result(None)

    def _may_have_one(self, owner: Hashable) -> bool:
        return self._free > (1 if owner in self._held else 0)
