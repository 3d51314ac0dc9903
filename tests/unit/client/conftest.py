"""The fake service on a real port, and both clients before it."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from muniment import AsyncClient, Client, RetryPolicy
from tests.client_in_threads import in_threads
from tests.unit.client.fake_muniment import OPERATOR_KEY, FakeMuniment

IMPATIENT = RetryPolicy(first_pause=0.001, longest_pause=0.001)


class FakeServer:
    """One port for the session; each test has a service of its own behind it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.renew()

    def renew(self) -> FakeMuniment:
        self.fake = FakeMuniment()
        self._app = self.fake.app()
        return self.fake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for prefix in ("/files", "/extraction"):
            if scope["path"].startswith(f"{prefix}/"):
                scope = {**scope, "path": scope["path"].removeprefix(prefix), "state": {"through_gateway": True}}
        await self._app(scope, receive, send)


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[FakeServer]:
    # Without the protocol named, asyncio leaves Nagle's algorithm on: 40 ms an answer.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        served = FakeServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        uvicorn_server = uvicorn.Server(uvicorn.Config(served, log_level="critical", lifespan="off"))
        running = asyncio.create_task(uvicorn_server._serve([listener]))
        yield served
        uvicorn_server.should_exit = True
        await running


@pytest.fixture
def fake(server: FakeServer) -> FakeMuniment:
    return server.renew()


@pytest.fixture(scope="session", params=["blocking", "asynchronous", "gateway"])
async def either_client(request: pytest.FixtureRequest, server: FakeServer) -> AsyncIterator[AsyncClient]:
    """Either client with the operator's key; the blocking one in threads, to be awaited like the other."""
    if request.param == "blocking":
        with Client(files_url=server.url, extraction_url=server.url, api_key=OPERATOR_KEY, retries=IMPATIENT) as client:
            yield in_threads(client)
        return
    if request.param == "gateway":
        async with AsyncClient(server.url, api_key=OPERATOR_KEY, retries=IMPATIENT) as client:
            yield client
        return
    async with AsyncClient(
        files_url=server.url, extraction_url=server.url, api_key=OPERATOR_KEY, retries=IMPATIENT
    ) as client:
        yield client


@pytest.fixture
def operator(either_client: AsyncClient, fake: FakeMuniment) -> AsyncClient:
    del fake  # there, and empty
    return either_client


@pytest.fixture
async def client(operator: AsyncClient) -> AsyncClient:
    """With a tenant of its own."""
    await operator.tenants.create("acme")
    return operator.for_tenant("acme")
