"""Which bodies the gateway refuses, and how it says so."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps.gateway_bodies import GatewayBodyLimit
from serve_apps.problems import install_problem_handlers
from serve_apps.request_context import RequestContext
from serve_apps.service_port import DIRECT
from storage.settings import Settings

SETTINGS = Settings(gateway_max_body_bytes=1000, files_port=8101, extraction_port=8102)


class Upload:
    """An app that reads all of a body, and notes how much it got."""

    def __init__(self) -> None:
        self.received = 0
        limit = Middleware(GatewayBodyLimit, SETTINGS)
        self.app = FastAPI(middleware=[Middleware(RequestContext), limit])
        install_problem_handlers(self.app)
        self.app.add_api_route("/raw", self.raw, methods=["POST"])
        self.app.add_api_route("/json", self.json, methods=["POST"])

    async def raw(self, request: Request) -> int:
        async for chunk in request.stream():
            self.received += len(chunk)
        return self.received

    async def json(self, body: dict[str, str]) -> int:
        return len(body)


@pytest.fixture
def upload() -> Upload:
    return Upload()


def through_gateway(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, root_path="/files"), base_url="http://gateway/files")


def directly(app: ASGIApp) -> httpx.AsyncClient:
    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, DIRECT: True}, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(marked), base_url="http://files")


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(100)


async def test_a_body_of_the_limit_passes(upload: Upload) -> None:
    async with through_gateway(upload.app) as client:
        assert (await client.post("/raw", content=bytes(1000))).json() == 1000
        assert (await client.post("/raw", content=chunks(10))).json() == 2000


async def test_a_larger_declared_body_is_refused_unread(upload: Upload) -> None:
    async with through_gateway(upload.app) as client:
        response = await client.post("/raw", content=bytes(1001), headers={"X-Request-Id": "r-1"})
    assert (response.status_code, upload.received) == (413, 0)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == response.json()["request_id"] == "r-1"
    assert response.json()["code"] == "body-too-large-for-gateway"


async def test_a_chunked_body_is_refused_where_it_passes_the_limit(upload: Upload) -> None:
    async with through_gateway(upload.app) as client:
        response = await client.post("/raw", content=chunks(50))
    assert (response.status_code, upload.received) == (413, 1000)
    assert response.json()["code"] == "body-too-large-for-gateway"


async def test_a_framework_that_hides_the_reason_does_not_change_the_answer(upload: Upload) -> None:
    """FastAPI answers 400 to whatever is raised while it reads a JSON body."""
    async with through_gateway(upload.app) as client:
        response = await client.post("/json", content=chunks(50), headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (413, "body-too-large-for-gateway")


async def test_the_service_s_own_port_takes_any_size(upload: Upload) -> None:
    async with directly(upload.app) as client:
        assert (await client.post("/raw", content=bytes(5000))).json() == 5000


@pytest.mark.parametrize(
    ("path", "port"), [("/files/v1/tenants", 8101), ("/extraction/v1/tenants", 8102), ("/elsewhere", 8101)]
)
async def test_the_refusal_names_the_direct_port_and_the_resumable_upload(path: str, port: int) -> None:
    async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError

    transport = httpx.ASGITransport(GatewayBodyLimit(never, SETTINGS))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        detail = (await client.post(path, content=bytes(1001))).json()["detail"]
    assert f"port {port}" in detail
    assert "resumable upload" in detail


async def test_an_answer_that_has_begun_is_left_to_fail() -> None:
    """Status and headers are out: cutting the connection is all that can still be said."""

    async def answers_first(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive()).get("more_body"):
            pass

    transport = httpx.ASGITransport(GatewayBodyLimit(answers_first, SETTINGS))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        with pytest.raises(Exception, match="1000 bytes"):
            await client.post("/", content=chunks(50))
