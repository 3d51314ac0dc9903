"""JSON bodies, read after the caller is known: a stranger's body is not worth parsing."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError

from serve_apps.documented_problems import raises
from serve_apps.request_errors import BadRequest, BodyTooLarge, PreconditionRequired, UnsupportedPatch
from storage.errors import ImmutableField, InvalidFields, VersionConflict

M = TypeVar("M", bound=BaseModel)

MAX_BODY_BYTES = 2**20
MERGE_PATCH = "application/merge-patch+json"
JSON_PROBLEMS = BadRequest, BodyTooLarge, InvalidFields
MERGE_PATCH_PROBLEMS = *JSON_PROBLEMS, UnsupportedPatch, ImmutableField, PreconditionRequired, VersionConflict


async def read_json(request: Request) -> Any:
    """The body as JSON, of at most 1 MiB."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(MAX_BODY_BYTES)
    return parsed(body, "The body")


def parsed(text: bytes | bytearray, what: str) -> Any:
    """JSON. Raises `BadRequest` for what is none, and for an object that names something twice: one would be lost."""
    try:
        value = orjson.loads(text)
        json.loads(text, object_pairs_hook=_each_name_once)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"{what} is not JSON: {error.msg}.") from None
    except RecursionError:
        raise BadRequest(f"{what} is not JSON: it is nested too deep.") from None
    return value


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadRequest(f"The JSON has '{name[:100]}' twice in one object.")
        found[name] = value
    return found


async def read_merge_patch(request: Request) -> dict[str, Any]:
    """The body of a PATCH: an object, declared as a merge patch."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MERGE_PATCH:
        raise UnsupportedPatch
    patch = await read_json(request)
    if not isinstance(patch, dict):
        raise InvalidFields.one("", "A merge patch of this resource is a JSON object.")
    return patch


def json_body(model: type[M]) -> Callable[[Request], Awaitable[M]]:
    """A dependency: the body as `model`. Declare it after the caller, whom it waits for."""

    @raises(*JSON_PROBLEMS)
    async def read(request: Request) -> M:
        return validated(model, await read_json(request))

    return read


def validated(model: type[M], value: Any) -> M:
    """`value` as `model`. Raises `InvalidFields`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidFields.of(error) from None


def json_request(model: type[BaseModel], media_type: str = "application/json") -> dict[str, Any]:
    """What OpenAPI says of such a body."""
    schema = model.model_json_schema()
    inlined = _inlined(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": True, "content": {media_type: {"schema": inlined}}}}


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    """With definitions in the place of what refers to them: within OpenAPI they have no address."""
    if isinstance(part, list):
        return [_inlined(item, definitions) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _inlined(definitions[part["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(value, definitions) for name, value in part.items()}
