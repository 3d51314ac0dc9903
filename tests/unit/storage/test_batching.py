"""How what waits is put together: who goes with whom, and that nobody waits for a neighbour's trouble."""

import asyncio

import pytest

from storage.batching import Batcher


class Server:
    """Takes batches, and answers one with its items in capitals when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self._arrived = asyncio.Event()
        self._answers: list[asyncio.Future[list[str]]] = []

    async def work(self, batch: list[str]) -> list[str]:
        self.batches.append(batch)
        self._answers.append(asyncio.get_running_loop().create_future())
        self._arrived.set()
        return await self._answers[-1]

    async def receive(self, count: int) -> None:
        """Until so many batches have arrived."""
        async with asyncio.timeout(10):
            while len(self.batches) < count:
                self._arrived.clear()
                await self._arrived.wait()

    def answer(self, number: int) -> None:
        self._answers[number].set_result([item.upper() for item in self.batches[number]])

    def fail(self, number: int, error: Exception) -> None:
        self._answers[number].set_exception(error)


@pytest.fixture
async def server() -> Server:
    return Server()


async def asked(batcher: Batcher[str, str], *items: str) -> list[asyncio.Task[str]]:
    """Items that are asked for, and worked on as far as there is room."""
    tasks = [asyncio.create_task(batcher.ask(item)) for item in items]
    await settled()
    return tasks


async def settled() -> None:
    """Everything that can go on without the server has gone on: a task takes a turn to start, and one to work."""
    for _ in range(4):
        await asyncio.sleep(0)


async def test_items_that_come_while_others_are_worked_on_go_together(server: Server) -> None:
    batcher = Batcher(server.work, largest=10, in_flight=2)
    tasks = [task for item in ("a", "b", "c", "d") for task in await asked(batcher, item)]
    assert server.batches == [["a"], ["b"]]
    server.answer(0)
    await server.receive(3)
    assert server.batches[2] == ["c", "d"]
    server.answer(1)
    server.answer(2)
    assert await asyncio.gather(*tasks) == ["A", "B", "C", "D"]


async def test_who_comes_alone_is_worked_on_at_once_every_time(server: Server) -> None:
    batcher = Batcher(server.work, largest=10, in_flight=2)
    for number, item in enumerate(("a", "b", "c")):
        [task] = await asked(batcher, item)
        server.answer(number)
        assert await task == item.upper()


async def test_an_item_that_comes_when_the_only_worker_ends_is_worked_on(server: Server) -> None:
    """The race: the answer wakes its caller, who asks again before the worker's task is seen as done."""
    batcher = Batcher(server.work, largest=10, in_flight=1)

    async def twice() -> list[str]:
        return [await batcher.ask("first"), await batcher.ask("second")]

    task = asyncio.create_task(twice())
    for number in range(2):
        await server.receive(number + 1)
        server.answer(number)
    assert await task == ["FIRST", "SECOND"]


async def test_a_batch_has_a_largest_size(server: Server) -> None:
    tasks = await asked(Batcher(server.work, largest=2, in_flight=2), "a", "b", "c")
    assert server.batches == [["a", "b"], ["c"]]
    server.answer(0)
    server.answer(1)
    assert await asyncio.gather(*tasks) == ["A", "B", "C"]


async def test_a_batch_that_fails_fails_for_all_of_it_and_the_next_is_worked_on(server: Server) -> None:
    batcher = Batcher(server.work, largest=10, in_flight=1)
    *failed, gone = await asked(batcher, "a", "b", "gone")
    gone.cancel()
    await settled()
    server.fail(0, ConnectionError("away"))
    for task in failed:
        with pytest.raises(ConnectionError):
            await task
    [task] = await asked(batcher, "c")
    server.answer(1)
    assert await task == "C"


async def test_a_caller_that_goes_away_disturbs_nobody(server: Server) -> None:
    batcher = Batcher(server.work, largest=10, in_flight=1)
    out = await asked(batcher, "a", "b")
    waiting = await asked(batcher, "c", "d")
    out[0].cancel()
    waiting[0].cancel()
    await settled()
    server.answer(0)
    await server.receive(2)
    # What was not begun yet is not begun any more.
    assert server.batches[1] == ["d"]
    server.answer(1)
    assert [await out[1], await waiting[1]] == ["B", "D"]


async def test_what_everybody_gave_up_is_not_begun(server: Server) -> None:
    batcher = Batcher(server.work, largest=10, in_flight=1)
    given_up = asyncio.create_task(batcher.ask("a"))
    await asyncio.sleep(0)
    given_up.cancel()
    await settled()
    assert server.batches == []
    [task] = await asked(batcher, "b")
    server.answer(0)
    assert await task == "B"


async def test_closing_ends_what_is_worked_on(server: Server) -> None:
    batcher = Batcher(server.work, largest=10, in_flight=1)
    [task] = await asked(batcher, "a")
    await batcher.close()
    task.cancel()
    [later] = await asked(batcher, "b")
    assert server.batches == [["a"], ["b"]]
    server.answer(1)
    assert await later == "B"
