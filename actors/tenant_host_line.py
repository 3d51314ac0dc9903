"""Changes on their way to one tenant host: those that wait together go as one call."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from actors.tenant_changes import Change
from storage.batching import Batcher

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


class HostLine:
    """Calls to one host. A batch is lost as a whole when its host is."""

    def __init__(self, send: SendBatch) -> None:
        self._send = send
        self._batches: Batcher[HostCall, Any] = Batcher(send, largest=MAX_BATCH, in_flight=BATCHES_IN_FLIGHT)

    async def call(self, call: HostCall) -> Any:
        """The host's answer. Raises what sending raises."""
        answer = await self._batches.ask(call)
        if answer is Progress.STILL_RUNNING:
            [answer] = await self._send([call])
        return answer

    async def close(self) -> None:
        await self._batches.close()
