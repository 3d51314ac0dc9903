"""An embedded server that dies is started again; one that cannot stay alive is given up."""

import asyncio

from muniment.local.restarting import RESTARTS, Restarting


class Server:
    """Ends when told to, and tells when it was started."""

    def __init__(self) -> None:
        self.deaths: asyncio.Queue[int] = asyncio.Queue()
        self.starts: asyncio.Queue[None] = asyncio.Queue()
        self.stopped = False

    async def start(self) -> str:
        await self.starts.put(None)
        return "redis://here"

    async def wait(self) -> int:
        return await self.deaths.get()

    async def stop(self) -> None:
        self.stopped = True


async def test_a_server_that_dies_is_started_again_and_that_is_told() -> None:
    server, told = Server(), list[str]()
    keeping = Restarting("Valkey", server, told.append)
    assert await keeping.start() == "redis://here"
    await server.starts.get()
    await server.deaths.put(-9)
    await server.starts.get()
    assert told == ["Valkey ended with status -9; starting it again."]
    await keeping.stop()


async def test_a_server_that_dies_again_and_again_is_given_up() -> None:
    server = Server()
    keeping = Restarting("Valkey", server, lambda _: None)
    await keeping.start()
    for _ in range(RESTARTS + 1):
        await server.deaths.put(1)
    assert await keeping.failure() == "Valkey ended with status 1 for the 6th time in a minute"
    await keeping.stop()


async def test_a_stopped_server_is_not_started_again() -> None:
    server = Server()
    keeping = Restarting("Valkey", server, lambda _: None)
    await keeping.start()
    await server.starts.get()
    await keeping.stop()
    assert server.stopped
    assert server.starts.empty()


async def test_a_server_that_cannot_be_started_again_fails_with_the_reason() -> None:
    class Broken(Server):
        async def start(self) -> str:
            if self.starts.qsize():
                raise OSError("no space")
            return await super().start()

    server = Broken()
    keeping = Restarting("PostgreSQL", server, lambda _: None)
    await keeping.start()
    await server.deaths.put(1)
    assert await keeping.failure() == "PostgreSQL could not be started again: no space"
    await keeping.stop()
