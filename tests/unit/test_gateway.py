"""The gateway's own answers, and what it does to requests on their way to Serve."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps.bounded_concurrency import BoundedConcurrency
from serve_apps.gateway.app import create_app
from serve_apps.gateway.http_policy import GatewayHeaders, middlewares
from serve_apps.gateway_bodies import GatewayBodyLimit
from storage.logs import current_request
from storage.settings import Settings

SETTINGS = Settings(files_port=8101, extraction_port=8102, gateway_max_body_bytes=1000)


class Replicas:
    """Stands for the services' replicas: which are ready, and how often they were asked."""

    def __init__(self) -> None:
        self.ready = {"files": True, "extraction": True}
        self.asked: list[str] = []

    async def is_ready(self, name: str) -> bool:
        self.asked.append(name)
        return self.ready[name]


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway:8000")


@pytest.fixture
def replicas() -> Replicas:
    return Replicas()


@pytest.fixture
async def client(replicas: Replicas) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(SETTINGS, replicas.is_ready)) as client:
        yield client


async def test_a_program_is_told_where_the_services_are(client: httpx.AsyncClient) -> None:
    services = {service["name"]: service for service in (await client.get("/")).json()["services"]}
    assert services["files"]["direct"] == "http://gateway:8101"
    assert services["extraction"]["path"] == "/extraction"
    assert services["extraction"]["docs"] == "/extraction/docs"


async def test_a_browser_gets_a_page_with_links(client: httpx.AsyncClient) -> None:
    response = await client.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    for link in ("/files/docs", "/extraction/docs", "http://gateway:8101", "/docs"):
        assert f'href="{link}' in response.text


async def test_the_page_shows_nothing_that_the_caller_wrote(client: httpx.AsyncClient) -> None:
    response = await client.get("/", headers={"Accept": "text/html", "Host": 'x"><script>'})
    assert "<script>" not in response.text


async def test_it_is_live_whatever_the_services_are(client: httpx.AsyncClient, replicas: Replicas) -> None:
    replicas.ready["files"] = False
    assert (await client.get("/healthz/live")).json() == {"status": "live"}


async def test_it_is_ready_when_all_services_are(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz/ready")).status_code == 200


@pytest.mark.parametrize("name", ["files", "extraction"])
async def test_it_is_not_ready_while_a_service_is_not(client: httpx.AsyncClient, replicas: Replicas, name: str) -> None:
    replicas.ready[name] = False
    response = await client.get("/healthz/ready")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert response.json()["code"] == "overloaded"


async def test_many_who_ask_cost_the_services_one_question(client: httpx.AsyncClient, replicas: Replicas) -> None:
    await asyncio.gather(*(client.get("/healthz/ready") for _ in range(20)))
    assert sorted(replicas.asked) == ["extraction", "files"]


@pytest.mark.parametrize("path", ["/nowhere", "/v1/tenants", "/healthz"])
async def test_an_unknown_path_is_a_problem(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert (response.status_code, response.json()["code"]) == (404, "not-found")
    assert response.headers["content-type"] == "application/problem+json"


async def test_it_describes_itself(client: httpx.AsyncClient) -> None:
    assert "/healthz/ready" in (await client.get("/openapi.json")).json()["paths"]
    assert (await client.get("/docs")).status_code == 200


async def test_a_large_body_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/", content=bytes(1001))).json()["code"] == "body-too-large-for-gateway"


class Serve:
    """Stands for Serve behind the policy: notes the headers it sees and adds its request id, as Serve does."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.logged_as = ""

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.headers, self.logged_as = dict(scope["headers"]), current_request.get()
        mine = (b"x-request-id", self.headers[b"x-request-id"])
        await send({"type": "http.response.start", "status": 200, "headers": [mine, mine]})
        await send({"type": "http.response.body", "body": b""})


async def test_a_client_cannot_steer_serve() -> None:
    serve = Serve()
    steering = {
        "X-Request-Timeout-Seconds": "0",
        "x-request-disconnect-disabled": "?1",
        "serve_multiplexed_model_id": "m",
        "Serve-Multiplexed-Model-Id": "m",
        "x-session-id": "s",
        "x_session_id": "s",
        "X-Kept": "yes",
    }
    async with client_of(GatewayHeaders(serve)) as client:
        await client.get("/", headers=steering)
    assert serve.headers[b"x-kept"] == b"yes"
    assert not {name.lower().encode() for name in steering} - {b"x-kept"} & serve.headers.keys()


async def test_a_plain_request_id_is_kept_everywhere() -> None:
    serve = Serve()
    async with client_of(GatewayHeaders(serve)) as client:
        response = await client.get("/", headers={"X-Request-Id": "batch-7_a"})
    assert response.headers.get_list("x-request-id") == ["batch-7_a"]
    assert (serve.headers[b"x-request-id"], serve.logged_as) == (b"batch-7_a", "batch-7_a")


@pytest.mark.parametrize("asked", ["", "a b", "x" * 65, "ü"])
async def test_any_other_request_id_is_replaced(asked: str) -> None:
    serve = Serve()
    async with client_of(GatewayHeaders(serve)) as client:
        response = await client.get("/", headers=[(b"X-Request-Id", asked.encode())])
    (given,) = response.headers.get_list("x-request-id")
    assert given == serve.headers[b"x-request-id"].decode() == serve.logged_as != asked


def test_headers_are_cleaned_before_bodies_are_judged() -> None:
    """Serve wraps them in this order, the last outermost: a refusal then carries the request id."""
    classes: list[object] = [middleware.cls for middleware in middlewares()]
    assert classes == [GatewayBodyLimit, BoundedConcurrency, GatewayHeaders]
