"""Calls made from an OpenAPI document by Schemathesis, sent to a service of this process, held against the document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
load_all_checks()
HELD: list[Any] = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
Operation = APIOperation[Any, Any, Any, Any]


def operations(app: FastAPI) -> Iterator[Operation]:
    for found in schemathesis.openapi.from_dict(app.openapi()).get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


def calls(operation: Operation) -> st.SearchStrategy[Case[Any]]:
    """What the document allows, and what it does not."""
    return operation.as_strategy(GenerationMode.POSITIVE) | operation.as_strategy(GenerationMode.NEGATIVE)


@dataclass(frozen=True, slots=True)
class Known:
    """Values that lead somewhere: path parameters by name, and keys. Each is used in most calls that have it."""

    path_parameters: Mapping[str, list[str]]
    keys: list[str]

    def used_in(self, case: Case[Any], draw: st.DrawFn) -> None:
        for name, values in self.path_parameters.items():
            if name in (case.path_parameters or {}) and draw(MOSTLY):
                case.path_parameters[name] = draw(st.sampled_from(values))
        if draw(MOSTLY):
            case.headers["Authorization"] = f"Bearer {draw(st.sampled_from(self.keys))}"
        if isinstance(case.query, dict) and "wait" in case.query:
            # Nothing runs here that a long poll could wait for.
            case.query["wait"] = 0


MOSTLY = st.integers(0, 7).map(bool)


@st.composite
def known_calls(draw: st.DrawFn, operation: Operation, known: Known) -> Case[Any]:
    case = draw(calls(operation))
    known.used_in(case, draw)
    return case


async def send(client: httpx.AsyncClient, case: Case[Any]) -> httpx.Response:
    """Raises what does not agree with the document."""
    prepared: Any = requests.Request(**case.as_transport_kwargs(base_url="http://service")).prepare()
    response = await client.request(prepared.method, prepared.url, content=prepared.body, headers=prepared.headers)
    case.validate_response(response, checks=HELD)
    return response
