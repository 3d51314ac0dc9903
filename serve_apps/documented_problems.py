"""Which problems a route may answer with: said where they are raised, shown in the OpenAPI document.

    @router.delete("/{file_id}", status_code=204)
    @raises(NotFound)                       # below the router's decorator
    async def delete_file(...)

What dependencies raise is said at the dependency, once, and counts for every route that depends on it: a route says
only what it adds. The tests hold every answer of the services against the document (`tests/documented_answers.py`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from serve_apps import request_errors as asked
from serve_apps.problems import MEDIA_TYPE, STATUS_OF
from storage import errors
from storage.errors import MunimentError

Function = TypeVar("Function", bound=Callable[..., Any])
Json = dict[str, Any]

ANYWHERE: tuple[type[MunimentError], ...] = (
    errors.Unavailable,
    asked.Overloaded,
    asked.ShuttingDown,
    errors.TenantActorFenced,
)
INVALID = str(HTTPStatus.UNPROCESSABLE_ENTITY.value)
BEARER = "key"

PROBLEM: Json = {
    "type": "object",
    "description": "RFC 9457. `code` is the word for machines.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:muniment:problem:"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
        "errors": {
            "type": "array",
            "description": "What is wrong with which field (a JSON pointer), parameter or header.",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def raises(*problems: type[MunimentError]) -> Callable[[Function], Function]:
    """Say of a route, or of a dependency, what it raises itself."""

    def noted(function: Function) -> Function:
        function.__dict__["raises"] = (*problems, *_raised_by(function))
        return function

    return noted


def _raised_by(function: Any) -> tuple[type[MunimentError], ...]:
    found: tuple[type[MunimentError], ...] = getattr(function, "raises", ())
    return found


def document_problems(app: FastAPI) -> None:
    """Let the app's OpenAPI document tell of every route's problems, and of the key that it needs."""
    describe = app.openapi

    def openapi() -> Json:
        if app.openapi_schema is None:
            _complete(describe(), app.routes)
        return describe()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: Json, routes: Sequence[BaseRoute]) -> None:
    for found in iter_route_contexts(routes):
        route = found.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _complete_operation(
                    document["paths"][route.path_format][method.lower()], set(_raised_below(route.dependant))
                )
    schemas = document["components"]["schemas"]
    schemas["Problem"] = PROBLEM
    # FastAPI's own form of an error.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    document["components"]["securitySchemes"] = {BEARER: {"type": "http", "scheme": "bearer"}}


def _complete_operation(operation: Json, raised: set[type[MunimentError]]) -> None:
    answers: Json = operation["responses"]
    if asked.Unauthorized in raised:
        operation["security"] = [{BEARER: []}]
    if answers.pop(INVALID, None):
        raised.add(errors.InvalidFields)
    if "requestBody" in operation:
        raised.add(asked.BodyTooLargeForGateway)
    codes: defaultdict[int, set[str]] = defaultdict(set, {HTTPStatus.INTERNAL_SERVER_ERROR: {"internal"}})
    for problem in {*raised, *ANYWHERE}:
        codes[STATUS_OF[problem]].add(problem.code)
    answers |= {str(status): _response(status, sorted(codes[status])) for status in sorted(codes)}


def _response(status: int, codes: list[str]) -> Json:
    own = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, own]}
    return {"description": ", ".join(codes), "content": {MEDIA_TYPE: {"schema": schema}}}


def _raised_below(dependant: Dependant) -> Iterator[type[MunimentError]]:
    yield from _raised_by(dependant.call)
    for inner in dependant.dependencies:
        yield from _raised_below(inner)
