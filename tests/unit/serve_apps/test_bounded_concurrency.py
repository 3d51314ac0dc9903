"""What a process does with more requests than it has room for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.responses import StreamingResponse

from serve_apps.bounded_concurrency import BoundedConcurrency
from serve_apps.problems import install_problem_handlers
from serve_apps.request_context import RequestContext


class Slow:
    """An app for two requests at once, whose answers end when the test says so."""

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.go_on = asyncio.Event()
        self.app = FastAPI(middleware=[Middleware(RequestContext), Middleware(BoundedConcurrency, 2)])
        install_problem_handlers(self.app)
        self.app.add_api_route("/stream", self.stream)
        self.app.add_api_route("/broken", self.broken)
        self.app.add_api_route("/healthz/live", self.live)

    async def stream(self) -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            self.begun.release()
            await self.go_on.wait()
            yield b"done"

        return StreamingResponse(body())

    async def broken(self) -> None:
        raise RuntimeError

    async def live(self) -> str:
        return "live"


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
async def client(slow: Slow) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(slow.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://replica") as opened:
        yield opened


async def two_under_way(slow: Slow, client: httpx.AsyncClient) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(client.get("/stream")) for _ in range(2)]
    for _ in tasks:
        await slow.begun.acquire()
    return tasks


async def test_a_request_too_many_is_told_to_come_back(slow: Slow, client: httpx.AsyncClient) -> None:
    tasks = await two_under_way(slow, client)
    refused = await client.get("/stream")
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert (refused.headers["retry-after"], refused.headers["x-request-id"]) == ("1", refused.json()["request_id"])
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await client.get("/healthz/live")).json() == "live"
    slow.go_on.set()
    assert [answer.text for answer in await asyncio.gather(*tasks)] == ["done", "done"]
    assert (await client.get("/stream")).text == "done"


async def test_requests_that_fail_make_room_too(slow: Slow, client: httpx.AsyncClient) -> None:
    statuses = [(await client.get("/broken")).status_code for _ in range(5)]
    assert statuses == [500] * 5
    tasks = await two_under_way(slow, client)
    slow.go_on.set()
    await asyncio.gather(*tasks)


async def test_requests_whose_clients_went_away_make_room_too(slow: Slow, client: httpx.AsyncClient) -> None:
    for task in await two_under_way(slow, client):
        task.cancel()
        await asyncio.wait([task])
    slow.go_on.set()
    assert (await client.get("/stream")).text == "done"
