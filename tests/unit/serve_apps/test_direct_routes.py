"""Routes that are called directly answer as FastAPI would, and the others are left to it."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException, Path, Query, Request
from starlette.responses import JSONResponse, Response

from serve_apps.direct_routes import answer_directly

CALLS: list[str] = []


async def number(request: Request) -> int:
    CALLS.append("number")
    return int(request.headers.get("number", "1"))


async def doubled(code: str, found: Annotated[int, Depends(number)]) -> tuple[str, int]:
    if found < 0:
        raise HTTPException(409, "negative")
    return code, 2 * found


def in_a_thread() -> int:
    return 7


Number = Annotated[int, Depends(number)]
Doubled = Annotated[tuple[str, int], Depends(doubled)]


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/{code}/direct")
    async def direct(code: str, twice: Doubled, once: Number) -> Response:
        return JSONResponse([code, *twice, once])

    @app.get("/{code}/optional")
    async def optional(code: str, page: Annotated[int, Query(ge=1)] = 3) -> Response:
        return JSONResponse([code, page])

    @app.get("/{code}/required")
    async def required(code: str, page: int) -> Response:
        return JSONResponse([code, page])

    @app.get("/{code}/checked")
    async def checked(code: Annotated[str, Path(max_length=2)]) -> Response:
        return JSONResponse([code])

    @app.get("/{code}/sync")
    async def sync(code: str, seven: Annotated[int, Depends(in_a_thread)]) -> Response:
        return JSONResponse([code, seven])

    @app.get("/{code}/model")
    async def model(code: str) -> dict[str, str]:
        return {"code": code}

    @app.get("/{code}/body")
    async def body(code: str, kind: Annotated[str, Query()] = "") -> Response:
        raise HTTPException(418, f"{code}{kind}")

    @app.get("/{code}/model/again")
    @app.get("/{code}/direct", name="never reached")
    async def later(code: str) -> Response:
        return JSONResponse([code, "later"])

    return app


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/a/direct", {}, (200, ["a", "a", 2, 1])),
        ("GET", "/a/direct?page=1", {"number": "4"}, (200, ["a", "a", 8, 4])),
        ("GET", "/a/direct", {"number": "-1"}, (409, {"detail": "negative"})),
        ("POST", "/a/direct", {}, (405, {"detail": "Method Not Allowed"})),
        ("GET", "/a/optional", {}, (200, ["a", 3])),
        ("GET", "/a/optional?page=5", {}, (200, ["a", 5])),
        ("GET", "/a/required?page=5", {}, (200, ["a", 5])),
        ("GET", "/aa/checked", {}, (200, ["aa"])),
        ("GET", "/a/sync", {}, (200, ["a", 7])),
        ("GET", "/a/model", {}, (200, {"code": "a"})),
        ("GET", "/a/body", {}, (418, {"detail": "a"})),
        ("GET", "/a/model/again", {}, (200, ["a", "later"])),
        ("GET", "/a/nothing", {}, (404, {"detail": "Not Found"})),
    ],
)
async def test_a_route_answers_as_it_would_without(
    method: str, path: str, headers: dict[str, str], expected: tuple[int, Any]
) -> None:
    for direct in (False, True):
        app = make_app()
        if direct:
            answer_directly(app)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as http:
            answer = await http.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()) == expected


@pytest.mark.parametrize("path", ["/a/optional?page=0", "/a/required", "/aaa/checked"])
async def test_what_is_not_valid_is_refused_by_the_framework(path: str) -> None:
    app = make_app()
    answer_directly(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as http:
        assert (await http.get(path)).status_code == 422


async def test_what_two_need_is_called_once() -> None:
    app = make_app()
    answer_directly(app)
    CALLS.clear()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as http:
        await http.get("/a/direct")
    assert CALLS == ["number"]
