"""What a route may answer is in its document: gathered from what it depends on and from what it says itself."""

import json
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI

from serve_apps.documented_problems import document_problems, raises
from serve_apps.extraction.app import create_app as extraction_app
from serve_apps.files.app import create_app as files_app
from serve_apps.problems import STATUS_OF
from serve_apps.request_errors import BadCursor, BodyTooLargeForGateway, MissingScope, Unauthorized
from storage.errors import InvalidFields, MunimentError, NotFound
from storage.settings import Settings
from tests.documented_answers import documented_answers


@raises(Unauthorized)
async def innermost() -> None: ...


@raises(MissingScope)
async def inner(_: Annotated[None, Depends(innermost)]) -> None: ...


def app() -> FastAPI:
    made = FastAPI()

    @made.get("/pages/{page}")
    @raises(BadCursor)
    @raises(NotFound)
    async def page(page: int, _: Annotated[None, Depends(inner)]) -> dict[str, int]:
        return {"page": page}

    @made.post("/bodies")
    async def body(given: dict[str, str]) -> dict[str, str]:
        return given

    @made.get("/hidden", include_in_schema=False)
    async def hidden() -> None: ...

    document_problems(made)
    return made


def codes(document: dict[str, Any], path: str, method: str) -> dict[str, list[str]]:
    answers = document["paths"][path][method]["responses"]
    return {
        status: answer["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]["enum"]
        for status, answer in answers.items()
        if "application/problem+json" in answer.get("content", {})
    }


def test_a_route_may_answer_what_it_says_and_what_it_depends_on() -> None:
    assert codes(app().openapi(), "/pages/{page}", "get") == {
        "400": ["bad-cursor"],
        "401": ["unauthorized"],
        "403": ["missing-scope"],
        "404": ["not-found"],
        "422": [InvalidFields.code],
        "500": ["internal"],
        "503": ["overloaded", "shutting-down"],
    }


def test_a_body_may_be_too_large_for_the_gateway() -> None:
    assert codes(app().openapi(), "/bodies", "post")["413"] == [BodyTooLargeForGateway.code]


def test_only_routes_that_ask_who_calls_need_a_key() -> None:
    document = app().openapi()
    assert document["paths"]["/pages/{page}"]["get"]["security"] == [{"key": []}]
    assert "security" not in document["paths"]["/bodies"]["post"]


def test_the_document_is_made_once() -> None:
    made = app()
    first = json.dumps(made.openapi())
    assert json.dumps(made.openapi()) == first
    assert "HTTPValidationError" not in first


@pytest.mark.parametrize("create_app", [files_app, extraction_app], ids=["files", "extraction"])
def test_every_operation_tells_of_more_than_its_success(create_app: Any) -> None:
    document = create_app(Settings()).openapi()
    for path, operations in document["paths"].items():
        for method in operations:
            assert codes(document, path, method)["500"] == ["internal"]
            if path.startswith("/v1/"):
                assert {"401", "404"} <= set(codes(document, path, method)), (method, path)


def test_every_problem_is_some_routes_answer() -> None:
    """A class that no route declares is either dead or undocumented."""
    told: set[str] = set()
    for create_app in (files_app, extraction_app):
        document = create_app(Settings()).openapi()
        for path, operations in document["paths"].items():
            for method in operations:
                told |= {f"{s} {c}" for s, found in codes(document, path, method).items() for c in found}
    declared: dict[type[MunimentError], str] = {kind: f"{status} {kind.code}" for kind, status in STATUS_OF.items()}
    assert {kind.__name__ for kind, answer in declared.items() if answer not in told} == set()


async def test_an_answer_that_no_document_has_fails_the_test_that_got_it() -> None:
    made = app()
    check = documented_answers(made)
    request = httpx.Request("GET", "http://files/pages/7")
    with pytest.raises(AssertionError, match="a status that the document does not have"):
        await check(httpx.Response(409, request=request))
    headers = {"content-type": "application/problem+json"}
    with pytest.raises(AssertionError, match="knows only"):
        await check(httpx.Response(404, json={"code": "gone"}, headers=headers, request=request))
    await check(httpx.Response(404, json={"code": "not-found"}, headers=headers, request=request))
    await check(httpx.Response(404, request=httpx.Request("GET", "http://files/nowhere")))
