"""What each route of the services asks of its caller, and a request that it answers with success.

The matrix in `tests/integration/test_authorization.py` tries every route with every kind of caller; a route that is
missing here fails it.
"""

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from serve_apps.extraction.app import create_app as create_extraction_app
from serve_apps.files.app import create_app as create_file_app
from storage.settings import Settings
from tests.file_service import MERGE_PATCH
from tests.resumable_client import NAMED, PIECE, TUS

App = Literal["files", "extraction"]
Route = tuple[App, str, str]
"""The service, the method, the path with its parameters in braces."""

OPEN = {"/healthz/live", "/healthz/ready", "/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"}
"""Answered without a key."""

TENANT = "/v1/tenants/{code}"
FILE, KEY, JOB = f"{TENANT}/files/{{file_id}}", f"{TENANT}/api-keys/{{key_id}}", f"{TENANT}/extractions/{{job_id}}"
WEBHOOKS = f"{TENANT}/webhooks"
WEBHOOK = f"{WEBHOOKS}/{{webhook_id}}"
UPLOADS = f"{TENANT}/uploads"
UPLOAD = f"{UPLOADS}/{{upload_id}}"
BATCHES = f"{TENANT}/extraction-batches"
BATCH = f"{BATCHES}/{{batch_id}}"


@dataclass(frozen=True, slots=True)
class Rule:
    scopes: tuple[str, ...]
    """One of them is enough; none: only the operator's key is."""
    success: int
    changes: bool = False
    """Refused for a suspended tenant."""
    request: dict[str, Any] = field(default_factory=dict)
    """Options of the request; `{name}` in texts stands for what the tenant has of that name."""
    about: Literal["queued", "finished"] = "finished"
    """What is so, of the tenant's two jobs and its two batches, is `{job_id}` and `{batch_id}`."""
    elsewhere: int = 404
    """The answer about what another tenant has, which is the same as about what does not exist."""


def reads(scope: str, *others: str, **request: Any) -> Rule:
    return Rule((scope, *others), 200, request=request)


def changes(scope: str, success: int, **request: Any) -> Rule:
    return Rule((scope,), success, changes=True, request=request)


def operates(success: int, **request: Any) -> Rule:
    return Rule((), success, request=request)


PATCH: dict[str, Any] = {"headers": {"If-Match": "*", "Content-Type": MERGE_PATCH}}
RULES: dict[Route, Rule] = {
    ("files", "POST", "/v1/tenants"): operates(201, json={"code": "{fresh_code}"}),
    ("files", "GET", "/v1/tenants"): operates(200),
    ("files", "GET", "/v1/operations/{operation_id}"): operates(200),
    ("files", "DELETE", TENANT): operates(202),
    ("files", "POST", f"{TENANT}:suspend"): operates(200),
    ("files", "POST", f"{TENANT}:resume"): operates(200),
    ("files", "GET", TENANT): reads("files:read", "tenant:admin"),
    ("files", "PATCH", TENANT): changes("tenant:admin", 200, json={"metadata": {"a": 1}}, **PATCH),
    ("files", "POST", f"{TENANT}/api-keys"): changes("tenant:admin", 201, json={"scopes": ["files:read"]}),
    ("files", "GET", f"{TENANT}/api-keys"): reads("tenant:admin"),
    ("files", "GET", KEY): reads("tenant:admin"),
    ("files", "DELETE", KEY): changes("tenant:admin", 204),
    ("files", "POST", WEBHOOKS): changes("tenant:admin", 201, json={"url": "https://receiver.invalid/"}),
    ("files", "GET", WEBHOOKS): reads("tenant:admin"),
    ("files", "GET", WEBHOOK): reads("tenant:admin"),
    ("files", "DELETE", WEBHOOK): changes("tenant:admin", 204),
    ("files", "GET", f"{WEBHOOK}/deliveries"): reads("tenant:admin"),
    ("files", "POST", f"{WEBHOOK}:retry-failed"): changes("tenant:admin", 202),
    ("files", "POST", f"{TENANT}/files"): changes("files:write", 201, files={"file": ("a.txt", b"new", "text/plain")}),
    ("files", "GET", f"{TENANT}/files"): reads("files:read"),
    ("files", "GET", FILE): reads("files:read"),
    ("files", "HEAD", FILE): reads("files:read"),
    ("files", "PATCH", FILE): changes("files:write", 200, json={"tags": ["a"]}, **PATCH),
    ("files", "DELETE", FILE): changes("files:write", 204),
    ("files", "POST", f"{TENANT}/files:batch-get"): Rule(
        ("files:read",), 200, request={"json": {"ids": ["{file_id}"]}}, elsewhere=200
    ),
    ("files", "POST", f"{TENANT}/files:batch-delete"): Rule(
        ("files:write",), 200, changes=True, request={"json": {"ids": ["{file_id}"]}}, elsewhere=200
    ),
    ("files", "GET", f"{FILE}/content"): reads("files:read"),
    ("files", "HEAD", f"{FILE}/content"): reads("files:read"),
    ("files", "OPTIONS", UPLOADS): Rule(("files:write",), 204),
    ("files", "OPTIONS", UPLOAD): Rule(("files:write",), 204, elsewhere=204),
    ("files", "POST", UPLOADS): changes("files:write", 201, headers=TUS | NAMED | {"Upload-Length": "5"}),
    ("files", "HEAD", UPLOAD): reads("files:write", headers=TUS),
    ("files", "PATCH", UPLOAD): changes(
        "files:write", 204, headers=TUS | PIECE | {"Upload-Offset": "0"}, content=b"some "
    ),
    ("files", "DELETE", UPLOAD): changes("files:write", 204, headers=TUS),
    ("extraction", "POST", f"{TENANT}/extractions"): changes("extractions:write", 202, json={"file_id": "{file_id}"}),
    ("extraction", "GET", f"{TENANT}/extractions"): reads("extractions:read"),
    ("extraction", "GET", JOB): reads("extractions:read"),
    ("extraction", "GET", f"{JOB}/events"): reads("extractions:read"),
    ("extraction", "GET", f"{JOB}/result"): reads("extractions:read", params={"format": "text"}),
    ("extraction", "DELETE", JOB): changes("extractions:write", 204),
    ("extraction", "POST", f"{JOB}:cancel"): Rule(("extractions:write",), 202, changes=True, about="queued"),
    ("extraction", "POST", BATCHES): Rule(
        ("extractions:write",), 202, changes=True, request={"json": {"file_ids": ["{file_id}"]}}, elsewhere=422
    ),
    ("extraction", "GET", BATCHES): reads("extractions:read"),
    ("extraction", "GET", BATCH): reads("extractions:read"),
    ("extraction", "GET", f"{BATCH}/jobs"): reads("extractions:read"),
    ("extraction", "GET", f"{BATCH}/events"): reads("extractions:read"),
    ("extraction", "GET", f"{BATCH}/results"): reads("extractions:read"),
    ("extraction", "POST", f"{BATCH}:cancel"): Rule(("extractions:write",), 202, changes=True, about="queued"),
    ("extraction", "POST", f"{BATCH}:retry-failed"): changes("extractions:write", 202),
}


def routes() -> list[Route]:
    """Every route of both services that needs a key."""
    apps: list[tuple[App, FastAPI]] = [
        ("files", create_file_app(Settings())),
        ("extraction", create_extraction_app(Settings())),
    ]
    return [
        (name, method, found.path)
        for name, app in apps
        for found in iter_route_contexts(app.routes)
        if found.path is not None and found.path not in OPEN
        for method in sorted(found.methods or ())
    ]


def filled(value: Any, names: dict[str, str]) -> Any:
    """A request's options with the names in them replaced."""
    match value:
        case str():
            return value.format_map(names | {"fresh_code": f"t-{uuid4().hex[:20]}"})
        case dict():
            return {key: filled(item, names) for key, item in value.items()}
        case list():
            return [filled(item, names) for item in value]
        case _:
            return value
