"""How changes share calls to a host: who goes together, and that nobody waits for a neighbour's trouble."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from actors import tenant_host_line
from actors.tenant_changes import DeleteFile
from actors.tenant_host_line import HostCall, HostLine, Progress


def call(file_id: str) -> HostCall:
    return HostCall("acme", DeleteFile(uuid4(), file_id), "request")


def file_ids(batch: list[HostCall]) -> list[str]:
    return [sent.change.names_file or "" for sent in batch]


class Host:
    """Takes batches, and answers one with its file ids when `answer` is told to."""

    def __init__(self) -> None:
        self.batches: list[list[HostCall]] = []
        self.arrived = asyncio.Event()
        self._answers: list[asyncio.Future[list[Any]]] = []

    async def send(self, batch: list[HostCall]) -> list[Any]:
        self.batches.append(batch)
        self._answers.append(asyncio.get_running_loop().create_future())
        self.arrived.set()
        return await self._answers[-1]

    async def receive(self, count: int) -> None:
        while len(self.batches) < count:
            self.arrived.clear()
            await self.arrived.wait()

    def answer(self, number: int, answers: list[Any] | None = None) -> None:
        self._answers[number].set_result(answers or file_ids(self.batches[number]))

    def fail(self, number: int, error: Exception) -> None:
        self._answers[number].set_exception(error)


async def started(line: HostLine, *ids: str) -> list[asyncio.Task[Any]]:
    """Calls that stand in the line, sent as far as there is room."""
    tasks = [asyncio.create_task(line.call(call(file_id))) for file_id in ids]
    await settled()
    return tasks


async def settled() -> None:
    """Everything that can go on without the host has gone on: a task takes a turn to start, and one to send."""
    for _ in range(4):
        await asyncio.sleep(0)


async def test_calls_that_come_while_others_are_out_go_together() -> None:
    host = Host()
    line = HostLine(host.send)
    tasks = [task for name in ("a", "b", "c", "d") for task in await started(line, name)]
    assert [file_ids(batch) for batch in host.batches] == [["a"], ["b"]]
    host.answer(0)
    await host.receive(3)
    assert file_ids(host.batches[2]) == ["c", "d"]
    host.answer(1)
    host.answer(2)
    assert await asyncio.gather(*tasks) == ["a", "b", "c", "d"]


async def test_a_line_that_was_idle_sends_at_once_again() -> None:
    host = Host()
    line = HostLine(host.send)
    for number, name in enumerate(("a", "b", "c")):
        [task] = await started(line, name)
        host.answer(number)
        assert await task == name


async def test_a_call_that_comes_when_the_only_sender_ends_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The race: the answer wakes its caller, who calls again before the sender's task is seen as done."""
    monkeypatch.setattr(tenant_host_line, "BATCHES_IN_FLIGHT", 1)
    host = Host()
    line = HostLine(host.send)

    async def twice() -> list[Any]:
        return [await line.call(call("first")), await line.call(call("second"))]

    task = asyncio.create_task(twice())
    async with asyncio.timeout(10):
        for number in range(2):
            await host.receive(number + 1)
            host.answer(number)
        assert await task == ["first", "second"]


async def test_a_batch_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_host_line, "MAX_BATCH", 2)
    host = Host()
    tasks = await started(HostLine(host.send), "a", "b", "c")
    assert [file_ids(batch) for batch in host.batches] == [["a", "b"], ["c"]]
    host.answer(0)
    host.answer(1)
    assert await asyncio.gather(*tasks) == ["a", "b", "c"]


async def test_a_change_that_takes_long_is_waited_for_by_itself() -> None:
    host = Host()
    slow, quick = await started(HostLine(host.send), "slow", "quick")
    host.answer(0, [Progress.STILL_RUNNING, "quick"])
    assert await quick == "quick"
    await host.receive(2)
    # The same call, by its id: the host joins it to the one that runs.
    assert host.batches[1] == host.batches[0][:1]
    host.answer(1)
    assert await slow == "slow"


async def test_a_batch_that_is_lost_is_lost_for_everyone_in_it_and_the_next_is_sent() -> None:
    host = Host()
    line = HostLine(host.send)
    *lost, gone = await started(line, "a", "b", "gone")
    gone.cancel()
    await settled()
    host.fail(0, ConnectionError("away"))
    for task in lost:
        with pytest.raises(ConnectionError):
            await task
    [task] = await started(line, "c")
    host.answer(1)
    assert await task == "c"


async def test_a_caller_that_goes_away_disturbs_nobody() -> None:
    host = Host()
    line = HostLine(host.send)
    out = await started(line, "a", "b")
    [other] = await started(line, "c")
    waiting = await started(line, "d", "e")
    out[0].cancel()
    waiting[0].cancel()
    await settled()
    host.answer(0)
    host.answer(1)
    await host.receive(3)
    # What was not sent yet is not sent any more.
    assert file_ids(host.batches[2]) == ["e"]
    host.answer(2)
    assert [await out[1], await other, await waiting[1]] == ["b", "c", "e"]


async def test_what_was_given_up_before_it_was_sent_is_not_sent() -> None:
    host = Host()
    line = HostLine(host.send)
    given_up = asyncio.create_task(line.call(call("a")))
    await asyncio.sleep(0)
    given_up.cancel()
    await settled()
    assert host.batches == []
    [task] = await started(line, "b")
    host.answer(0)
    assert await task == "b"


async def test_closing_ends_what_is_being_sent() -> None:
    host = Host()
    line = HostLine(host.send)
    [task] = await started(line, "a")
    await line.close()
    assert not line._senders
    task.cancel()
