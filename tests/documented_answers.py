"""Every answer that a test gets is one that the service's OpenAPI document tells of."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from fastapi import FastAPI

PARAMETER = re.compile(r"\\\{\w+\\\}")


def documented_answers(app: FastAPI) -> Callable[[httpx.Response], Awaitable[None]]:
    """An httpx event hook. No document tells of what is at no address, or of methods that an address lacks."""
    paths = [(re.compile(PARAMETER.sub("[^/]*", re.escape(path))), path) for path in app.openapi()["paths"]]
    # `/tenants/{code}:suspend` before `/tenants/{code}`, which is the same to a pattern.
    paths.sort(key=lambda found: len(found[1]), reverse=True)

    async def check(response: httpx.Response) -> None:
        operation = _operation(app, paths, response.request)
        if operation is None:
            return
        told = operation["responses"].get(str(response.status_code))
        assert told is not None, f"{_named(response)}: a status that the document does not have"
        if response.headers.get("content-type") == "application/problem+json":
            await response.aread()
            _check_problem(told, response)

    return check


def _operation(app: FastAPI, paths: list[tuple[re.Pattern[str], str]], request: httpx.Request) -> dict[str, Any] | None:
    for pattern, path in paths:
        if pattern.fullmatch(request.url.path):
            operations: dict[str, dict[str, Any]] = app.openapi()["paths"][path]
            method = request.method.lower()
            return operations.get(method) or (operations.get("get") if method == "head" else None)
    return None


def _check_problem(told: dict[str, Any], response: httpx.Response) -> None:
    if response.request.method == "HEAD":
        return
    codes = told["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]["enum"]
    assert response.json()["code"] in codes, f"{_named(response)}: the document knows only {codes}"


def _named(response: httpx.Response) -> str:
    return f"{response.request.method} {response.request.url.path} {response.status_code} {response.text[:200]}"
