"""Routes whose functions are called directly.

FastAPI matches every request twice and solves its dependencies anew, which takes longer than to answer it. Where a
function and what it depends on take nothing but the request, parts of the path and each other, there is nothing to be
solved; nor where they may take parameters of a query that the request does not have. All other routes and requests,
errors, and what is documented remain FastAPI's.
"""

from asyncio import iscoroutinefunction
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from re import Pattern
from typing import Any, get_type_hints

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

CALL = "muniment.direct_call"
"""Key in the ASGI scope: what is called for this request."""

OF_FASTAPI = (
    "header_params",
    "cookie_params",
    "body_params",
    "websocket_param_name",
    "http_connection_param_name",
    "response_param_name",
    "background_tasks_param_name",
    "security_scopes_param_name",
)
"""Fields of a `Dependant` that only FastAPI fills."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function, and where its arguments come from."""

    function: Callable[..., Any]
    request_name: str | None
    path_names: tuple[str, ...]
    optional: tuple[tuple[str, Callable[[], Any]], ...]
    """Parameters of the query, none of which the request has, and what makes their defaults."""
    needed: tuple[tuple[str, "Call"], ...]

    def takes(self, query: bytes) -> bool:
        """Whether a request with this query can be answered so."""
        return not (query and self.optional) and all(needed.takes(query) for _, needed in self.needed)

    async def answer(self, request: Request, known: dict[Callable[..., Any], Any]) -> Any:
        """What the function returns; what is needed twice by one request is called once."""
        if self.function in known:
            return known[self.function]
        arguments: dict[str, Any] = {name: request.path_params[name] for name in self.path_names}
        arguments |= {name: default() for name, default in self.optional}
        if self.request_name is not None:
            arguments[self.request_name] = request
        for name, needed in self.needed:
            arguments[name] = await needed.answer(request, known)
        answer = known[self.function] = await self.function(**arguments)
        return answer


def call_of(dependant: Dependant) -> Call | None:
    """None where FastAPI is needed for it."""
    if any(getattr(dependant, name) for name in OF_FASTAPI) or not iscoroutinefunction(dependant.call):
        return None
    if any(field.field_info.is_required() for field in dependant.query_params):
        return None
    if any(field.field_info.annotation is not str or field.field_info.metadata for field in dependant.path_params):
        return None
    needed = [(inner.name, call_of(inner)) for inner in dependant.dependencies]
    calls = tuple((name, call) for name, call in needed if name is not None and call is not None)
    if len(calls) < len(needed):
        return None
    path_names = tuple(field.name for field in dependant.path_params)
    optional = tuple((field.name, field.get_default) for field in dependant.query_params)
    return Call(dependant.call, dependant.request_param_name, path_names, optional, calls)


class DirectRoutes(BaseRoute):
    """Stands before the routes of an app, and takes from them the requests that it can answer as they would."""

    def __init__(self, routes: Iterable[RouteContext]) -> None:
        self._by_method: defaultdict[str, list[tuple[Pattern[str], Call | None]]] = defaultdict(list)
        for route in routes:
            call = _call_of_route(route)
            for method in route.methods or ():
                self._by_method[method].append((route.path_regex, call))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            for pattern, call in self._by_method.get(scope["method"], ()):
                # The first that fits, as with FastAPI: also where it is to answer itself.
                if (match := pattern.match(path)) is not None:
                    if call is None or not call.takes(scope["query_string"]):
                        break
                    return Match.FULL, {"path_params": match.groupdict(), CALL: call}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await scope[CALL].answer(Request(scope, receive, send), {})
        await response(scope, receive, send)


def _call_of_route(route: RouteContext) -> Call | None:
    if not isinstance(route.original_route, APIRoute):
        return None
    answer = get_type_hints(route.endpoint).get("return")
    return call_of(route.dependant) if isinstance(answer, type) and issubclass(answer, Response) else None


def answer_directly(app: FastAPI) -> None:
    """From now on; routes that are added later than this are not asked before the others."""
    app.router.routes.insert(0, DirectRoutes(list(iter_route_contexts(app.routes))))
