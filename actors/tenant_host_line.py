"""Changes on their way to one tenant host: those that wait together go as one call."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from actors.tenant_changes import Change

MAX_BATCH = 128
"""As a rule small enough for Ray to carry the changes in the call itself, which it does up to 100 KiB."""
BATCHES_IN_FLIGHT = 2
"""The next batch gathers while these are worked on."""


@dataclass(frozen=True, slots=True)
class HostCall:
    tenant_code: str
    change: Change[Any]
    request_id: str


class Progress(Enum):
    """What a host answers instead of waiting: one slow tenant must not hold up the others of its batch."""

    STILL_RUNNING = auto()


SendBatch = Callable[[list[HostCall]], Awaitable[list[Any]]]
"""Answers in the order of the calls; a call that is sent by itself is answered when it is done."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    call: HostCall
    answer: asyncio.Future[Any]


class HostLine:
    """A call is sent at once while fewer than `BATCHES_IN_FLIGHT` are out, else with whatever comes meanwhile."""

    def __init__(self, send: SendBatch) -> None:
        self._send = send
        self._waiting: deque[_Waiting] = deque()
        self._senders: set[asyncio.Task[Any]] = set()

    async def call(self, call: HostCall) -> Any:
        """The host's answer. Raises what sending raises."""
        waiting = _Waiting(call, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._senders) < BATCHES_IN_FLIGHT:
            self._senders.add(asyncio.create_task(self._send_what_waits()))
        answer = await waiting.answer
        if answer is Progress.STILL_RUNNING:
            [answer] = await self._send([call])
        return answer

    async def _send_what_waits(self) -> None:
        try:
            while self._waiting:
                await self._send_batch(self._next_batch())
        finally:
            # Here, not when the task has ended: a call that comes in between would wait for nobody.
            self._senders -= {asyncio.current_task()}

    def _next_batch(self) -> list[_Waiting]:
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]

    async def _send_batch(self, batch: list[_Waiting]) -> None:
        # Whoever was cancelled meanwhile does not want it done any more.
        batch = [waiting for waiting in batch if not waiting.answer.done()]
        if not batch:
            return
        try:
            answers = await self._send([waiting.call for waiting in batch])
        except Exception as error:  # noqa: BLE001 - each caller decides what it means
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)

    async def close(self) -> None:
        """Stop sending. Nobody may wait any more."""
        for sender in list(self._senders):
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
