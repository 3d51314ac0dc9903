"""Every way in which a request can end badly, on a small app: one form of answer, with the request's id."""

import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Query, Request, WebSocket
from pydantic import BaseModel
from starlette.responses import StreamingResponse
from starlette.types import Message

from serve_apps.json_body import MAX_BODY_BYTES, MERGE_PATCH, json_body, read_merge_patch
from serve_apps.problems import _expected, _http, _invalid, install_problem_handlers
from serve_apps.request_context import RequestContext, request_id
from serve_apps.request_errors import ShuttingDown, Unauthorized
from storage.errors import (
    DuplicateFile,
    IdempotencyKeyInUse,
    ImmutableField,
    MunimentError,
    NotFound,
    TenantActorFenced,
    TooManyQueued,
    Unavailable,
)
from storage.upload_errors import ArchiveUnsafe

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


class Body(BaseModel):
    size: int


def small_app() -> FastAPI:
    app = FastAPI()
    app.add_middleware(RequestContext)
    install_problem_handlers(app)

    @app.get("/defect")
    async def defect() -> None:
        raise RuntimeError("SELECT secret FROM /var/lib/muniment")

    @app.get("/half")
    async def half() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"some"
            raise RuntimeError("broken")

        return StreamingResponse(chunks())

    @app.get("/numbers")
    async def numbers(number: Annotated[int, Query(ge=1)]) -> dict[str, Any]:
        return {"number": number, "request_id": request_id()}

    @app.post("/typed")
    async def typed(body: Body) -> int:
        return body.size

    @app.post("/body")
    async def body(taken: Annotated[Body, Depends(json_body(Body))]) -> int:
        return taken.size

    @app.patch("/body")
    async def patch(request: Request) -> Any:
        return await read_merge_patch(request)

    @app.websocket("/quiet-socket")
    async def quiet_socket(websocket: WebSocket) -> None:
        await websocket.close()

    @app.websocket("/socket")
    async def socket(_: WebSocket) -> None:
        raise RuntimeError("broken")

    return app


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(small_app(), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        yield client


def check(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem.keys() >= MEMBERS
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:muniment:problem:{code}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


async def test_a_defect_is_logged_and_answered_without_a_word_of_it(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await http.get("/defect", headers={"X-Request-Id": "r-1"})
    problem = check(answer, 500, "internal")
    assert problem["request_id"] == "r-1"
    assert "SELECT" not in answer.text
    assert "muniment" not in answer.text.replace("urn:muniment", "")
    assert [record.exc_info is not None for record in caplog.records if record.message == "request failed"] == [True]


async def test_an_answer_that_has_begun_is_broken_off(http: httpx.AsyncClient) -> None:
    with pytest.raises(RuntimeError, match="broken"):
        await http.get("/half")


async def test_unknown_addresses_and_methods_are_problems(http: httpx.AsyncClient) -> None:
    assert check(await http.get("/nowhere/ä b"), 404, "not-found")["instance"] == "/nowhere/%C3%A4%20b"
    answer = await http.put("/numbers")
    check(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


async def test_bad_parameters_are_named(http: httpx.AsyncClient) -> None:
    problem = check(await http.get("/numbers", params={"number": 0}), 422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == ["number"]


async def test_bad_fields_are_named_by_pointers(http: httpx.AsyncClient) -> None:
    for path in ("/typed", "/body"):
        problem = check(await http.post(path, json={"size": "x"}), 422, "invalid-request")
        assert [error["pointer"] for error in problem["errors"]] == ["/size"]


async def test_a_body_that_is_no_json_is_a_bad_request(http: httpx.AsyncClient) -> None:
    for body in (b"", b"{", b"\xff", b'{"size": 1e400}', b'"\\ud800"', b"[" * 5000):
        check(await http.post("/body", content=body), 400, "bad-request")


async def test_a_json_body_has_a_bound(http: httpx.AsyncClient) -> None:
    check(await http.post("/body", content=b" " * (MAX_BODY_BYTES + 1)), 413, "body-too-large")
    assert (await http.post("/body", content=b'{"size": 1}'.ljust(MAX_BODY_BYTES))).json() == 1


async def test_a_patch_says_that_it_is_one(http: httpx.AsyncClient) -> None:
    answer = await http.patch("/body", json={})
    check(answer, 415, "unsupported-media-type")
    assert answer.headers["accept-patch"] == MERGE_PATCH
    headers = {"Content-Type": f"{MERGE_PATCH.upper()}; charset=utf-8"}
    assert (await http.patch("/body", content=b'{"a": 1}', headers=headers)).json() == {"a": 1}
    check(await http.patch("/body", content=b"[]", headers=headers), 422, "invalid-request")


@pytest.mark.parametrize("asked", ["", "ä", "a b", "x" * 65, "a\x00b", "a;b"])
async def test_an_id_that_is_not_plain_is_replaced(http: httpx.AsyncClient, asked: str) -> None:
    answer = await http.get("/numbers", params={"number": 1}, headers=[(b"X-Request-Id", asked.encode("latin-1"))])
    assert answer.headers["x-request-id"] not in {"", asked}
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_plain_id_is_kept(http: httpx.AsyncClient) -> None:
    answer = await http.get("/numbers", params={"number": 1}, headers={"X-Request-Id": "Ab_-9" * 12})
    assert answer.headers["x-request-id"] == "Ab_-9" * 12


@pytest.mark.parametrize("query", [b"\xff=\xfe", b"a=%ff%00", b"x" * 5000])
async def test_an_answer_needs_neither_a_readable_query_nor_a_valid_host(query: bytes) -> None:
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/files/v1/nowhere",
        "root_path": "/files",
        "query_string": query,
        "headers": [(b"host", b"[")],
    }
    await small_app()(scope, _no_more, _into(sent))
    assert sent[0]["status"] == 404
    assert b'"instance":"/files/v1/nowhere"' in sent[1]["body"]


async def test_a_client_that_went_away_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[Message] = []
    scope = {"type": "http", "method": "POST", "path": "/body", "query_string": b"", "headers": []}

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    with caplog.at_level(logging.INFO):
        await small_app()(scope, gone, _into(sent))
    assert sent == []
    assert all(record.levelno < logging.WARNING for record in caplog.records)


async def test_other_connections_than_http_are_left_alone() -> None:
    sent: list[Message] = []
    quiet = {"type": "websocket", "path": "/quiet-socket", "query_string": b"", "headers": []}
    await small_app()(quiet, _no_more, _into(sent))
    assert [message["type"] for message in sent] == ["websocket.close"]
    scope = {"type": "websocket", "path": "/socket", "query_string": b"", "headers": []}
    with pytest.raises(RuntimeError, match="broken"):
        await small_app()(scope, _no_more, _into([]))


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (Unauthorized(), {"www-authenticate": 'Bearer realm="muniment"'}),
        (Unavailable("database", 7), {"retry-after": "7"}),
        (TooManyQueued(3), {"retry-after": "2"}),
        (IdempotencyKeyInUse(), {"retry-after": "2"}),
        (TenantActorFenced(), {"retry-after": "2"}),
        (ShuttingDown(), {"retry-after": "2"}),
        (NotFound("file"), {}),
    ],
)
def test_an_error_brings_the_headers_that_tell_what_to_do(error: MunimentError, headers: dict[str, str]) -> None:
    answer = _expected(_request(), error)
    assert headers.items() <= dict(answer.headers).items()


@pytest.mark.parametrize(
    ("error", "members"),
    [
        (ImmutableField.one("/a", "no"), b'"errors":[{"pointer":"/a","detail":"no"}]'),
        (ArchiveUnsafe("ratio", "too much"), b'"reason":"ratio"'),
        (DuplicateFile("fs_1"), b'"file_id":"fs_1"'),
    ],
)
def test_an_error_brings_the_members_of_its_own(error: MunimentError, members: bytes) -> None:
    assert members in _expected(_request(), error).body


def test_handlers_take_only_their_own_errors() -> None:
    for handler in (_expected, _invalid, _http):
        with pytest.raises(TypeError):
            handler(_request(), ValueError("other"))


def _request() -> Request:
    return Request({"type": "http", "path": "/x", "headers": []})


async def _no_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _into(sent: list[Message]) -> Any:
    async def send(message: Message) -> None:
        sent.append(message)

    return send
