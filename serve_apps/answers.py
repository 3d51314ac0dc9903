"""JSON answers, written by orjson; shared by the services."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

NOT_STORED = {"Cache-Control": "no-store"}
"""Of answers that hold a secret."""
MAX_WAIT_SECONDS = 60
PREFER_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", re.IGNORECASE)


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers, "application/json")


def preferred_wait(request: Request) -> int:
    """Seconds of `Prefer: wait=N` (RFC 7240), at most a minute; 0 without."""
    match = PREFER_WAIT.search(request.headers.get("prefer", ""))
    return min(int(match.group(1)), MAX_WAIT_SECONDS) if match else 0
