"""A Muniment in memory: the parts of the HTTP contract that the client uses, honestly kept, without checks of content.

Both services answer on one port. `faults` are consumed by matching requests, one each.
"""

import asyncio
import base64
import hashlib
import itertools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.unit.client.fake_batches import FakeBatches
from tests.unit.client.fake_uploads import FakeUploads
from tests.unit.client.fake_webhooks import FakeWebhooks
from tests.unit.client.refused import Refused

OPERATOR_KEY = "mo_operator"
JsonObject = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]


@dataclass
class Fault:
    """What happens to the next request whose method and path match.

    `status` answers so instead; `after_bytes` cuts the connection so far into the answer's body; without either it
    is cut before anything useful, `late` after the request was carried out and not before.
    """

    method: str
    path: str
    status: int | None = None
    code: str = "overloaded"
    retry_after: int | None = None
    after_bytes: int | None = None
    late: bool = False

    def matches(self, request: Request) -> bool:
        return request.method == self.method and re.search(self.path, request.url.path) is not None


@dataclass
class FakeFile:
    record: JsonObject
    content: bytes


@dataclass
class FakeTenant:
    record: JsonObject
    files: dict[str, FakeFile] = field(default_factory=dict)
    jobs: dict[str, JsonObject] = field(default_factory=dict)
    keys: dict[str, JsonObject] = field(default_factory=dict)
    answers: dict[str, tuple[bytes, JsonObject]] = field(default_factory=dict)
    """By idempotency key: what the request was, and what was answered."""


class FakeMuniment:
    def __init__(self) -> None:
        self.tenants: dict[str, FakeTenant] = {}
        self.retired: set[str] = set()
        self.operations: dict[str, JsonObject] = {}
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.job_error: JsonObject | None = None
        """What the next jobs fail with."""
        self.locked: dict[bytes, str] = {}
        """Contents that only this password opens."""
        self.hold_jobs = False
        """Jobs do not finish by themselves; `finish(job)` ends them."""
        self.tells_its_ports = True
        self.slow_deletion = False
        """Deleting a tenant is not over within the request."""
        self.changed = asyncio.Condition()
        self.waited_for = asyncio.Event()
        """Set when someone waits for a held job."""
        self._numbers = itertools.count(1)
        self.batches = FakeBatches(self._new_job, self._finish)
        self.webhooks = FakeWebhooks()
        self.uploads = FakeUploads(self._new_file)

    def app(self) -> Starlette:
        tenant, files = "/v1/tenants/{code}", "/v1/tenants/{code}/files"
        jobs, job = "/v1/tenants/{code}/extractions", "/v1/tenants/{code}/extractions/{job_id}"
        batches = "/v1/tenants/{code}/extraction-batches"
        batch = f"{batches}/{{batch_id}}"
        webhook = "/v1/tenants/{code}/webhooks/{webhook_id}"
        table: list[tuple[str, str, Handler]] = [
            ("POST", "/v1/tenants", self.create_tenant),
            ("GET", "/v1/tenants", self.list_tenants),
            ("GET", tenant, self.get_tenant),
            ("PATCH", tenant, self.patch_tenant),
            ("DELETE", tenant, self.delete_tenant),
            ("POST", f"{tenant}:suspend", self.suspend_tenant),
            ("POST", f"{tenant}:resume", self.resume_tenant),
            ("GET", "/v1/operations/{operation_id}", self.get_operation),
            ("POST", f"{tenant}/api-keys", self.create_key),
            ("GET", f"{tenant}/api-keys", self.list_keys),
            ("DELETE", f"{tenant}/api-keys/{{key_id}}", self.revoke_key),
            ("POST", f"{tenant}/webhooks", self.webhooks.create),
            ("GET", f"{tenant}/webhooks", self.webhooks.list),
            ("GET", f"{webhook}/deliveries", self.webhooks.list_deliveries),
            ("POST", f"{webhook}:retry-failed", self.webhooks.retry_failed),
            ("GET", webhook, self.webhooks.get),
            ("DELETE", webhook, self.webhooks.delete),
            ("POST", files, self.upload),
            ("POST", f"{tenant}/uploads", self.begin_upload),
            ("HEAD", f"{tenant}/uploads/{{upload_id}}", self.ask_upload),
            ("PATCH", f"{tenant}/uploads/{{upload_id}}", self.go_on_with_upload),
            ("DELETE", f"{tenant}/uploads/{{upload_id}}", self.end_upload),
            ("GET", files, self.list_files),
            ("POST", f"{files}:batch-get", self.batch_get),
            ("POST", f"{files}:batch-delete", self.batch_delete),
            ("GET", f"{files}/{{file_id}}/content", self.content),
            ("GET", f"{files}/{{file_id}}", self.get_file),
            ("PATCH", f"{files}/{{file_id}}", self.patch_file),
            ("DELETE", f"{files}/{{file_id}}", self.delete_file),
            ("POST", jobs, self.submit),
            ("GET", jobs, self.list_jobs),
            ("POST", f"{job}:cancel", self.cancel),
            ("GET", f"{job}/result", self.result),
            ("GET", job, self.get_job),
            ("DELETE", job, self.delete_job),
            ("POST", batches, self.create_batch),
            ("GET", batches, self.list_batches),
            ("GET", f"{batch}/jobs", self.list_batch_jobs),
            ("POST", f"{batch}:cancel", self.change_batch),
            ("POST", f"{batch}:retry-failed", self.change_batch),
            ("GET", batch, self.get_batch),
            ("GET", "/healthz/ready", self.ready),
            ("GET", "/", self.start_page),
        ]
        app = Starlette(routes=[Route(path, handler, methods=[method]) for method, path, handler in table])
        app.add_middleware(BaseHTTPMiddleware, dispatch=self._serve)
        return app

    async def _serve(self, request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        self.requests.append(request)
        fault = next((fault for fault in self.faults if fault.matches(request)), None)
        if fault is not None:
            self.faults.remove(fault)
        if fault is not None and fault.status is not None:
            return _refusal(Refused(fault.status, fault.code, "injected", retry_after=fault.retry_after))
        if fault is not None and fault.after_bytes is None and not fault.late:
            return _broken()
        try:
            answer = await proceed(request)
        except Refused as refused:
            answer = _refusal(refused)
        if fault is None:
            return answer
        return _broken() if fault.after_bytes is None else _cut(answer, fault.after_bytes)

    # tenants

    def _tenant(self, request: Request) -> FakeTenant:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        tenant = self.tenants.get(request.path_params["code"])
        owners = {secret: code for code, known in self.tenants.items() for secret in known.keys}
        if key != OPERATOR_KEY and key not in owners:
            raise Refused(401, "unauthorized")
        if tenant is None or (key != OPERATOR_KEY and owners[key] != request.path_params["code"]):
            raise Refused(404, "not-found", "There is no such tenant.")
        return tenant

    async def create_tenant(self, request: Request) -> Response:
        given = await request.json()
        code = given["code"]
        if not re.fullmatch("[a-z0-9][a-z0-9_-]{1,62}", code):
            raise Refused(422, "invalid-tenant-code", errors=[{"pointer": "/code", "detail": "not a tenant code"}])
        if code in self.tenants:
            raise Refused(409, "tenant-exists")
        if code in self.retired:
            raise Refused(409, "tenant-code-retired")
        record = {
            "id": f"tenant-{next(self._numbers)}",
            "code": code,
            "status": "active",
            "configuration": {"max_files": None} | given.get("configuration", {}),
            "metadata": given.get("metadata", {}),
            "time_created": _now(),
            "version": 1,
        }
        tenant = self.tenants[code] = FakeTenant(record)
        key = self._new_key(tenant, ["files:read", "tenant:admin"], "first")
        return JSONResponse(record | {"api_key": key}, 201)

    async def list_tenants(self, request: Request) -> Response:
        return _page(request, [tenant.record for tenant in self.tenants.values()])

    async def get_tenant(self, request: Request) -> Response:
        tenant = self._tenant(request)
        stats = {
            "file_count": len(tenant.files),
            "total_bytes": sum(len(file.content) for file in tenant.files.values()),
            "reserved_bytes": 0,
            "by_media_type": {},
            "extraction_count": len(tenant.jobs),
        }
        return JSONResponse(tenant.record | {"stats": stats})

    async def patch_tenant(self, request: Request) -> Response:
        return JSONResponse(await _patched(request, self._tenant(request).record))

    async def delete_tenant(self, request: Request) -> Response:
        self._tenant(request)
        code = request.path_params["code"]
        del self.tenants[code]
        self.retired.add(code)
        operation: JsonObject = {
            "id": f"op-{code}",
            "kind": "delete-tenant",
            "state": "running",
            "progress": {},
            "result": None,
        }
        self.operations[f"op-{code}"] = operation
        if "Prefer" in request.headers and not self.slow_deletion:
            return JSONResponse(_succeeded(operation))
        return JSONResponse(operation, 202)

    async def suspend_tenant(self, request: Request) -> Response:
        self._tenant(request).record["status"] = "suspended"
        return await self.get_tenant(request)

    async def resume_tenant(self, request: Request) -> Response:
        self._tenant(request).record["status"] = "active"
        return await self.get_tenant(request)

    async def get_operation(self, request: Request) -> Response:
        return JSONResponse(_succeeded(self.operations[request.path_params["operation_id"]]))

    def _new_key(self, tenant: FakeTenant, scopes: list[str], name: str | None) -> JsonObject:
        number = next(self._numbers)
        key = {"id": f"k{number}", "name": name, "scopes": scopes, "time_created": _now()}
        key |= {"time_expires": None, "time_last_used": None}
        tenant.keys[f"mk_k{number}_secret"] = key
        return key | {"secret": f"mk_k{number}_secret"}

    async def create_key(self, request: Request) -> Response:
        tenant, given = self._tenant(request), await request.json()
        return JSONResponse(self._new_key(tenant, given["scopes"], given.get("name")), 201)

    async def list_keys(self, request: Request) -> Response:
        return JSONResponse({"items": list(self._tenant(request).keys.values()), "next_cursor": None})

    async def revoke_key(self, request: Request) -> Response:
        tenant = self._tenant(request)
        found = [secret for secret, key in tenant.keys.items() if key["id"] == request.path_params["key_id"]]
        if not found:
            raise Refused(404, "not-found")
        del tenant.keys[found[0]]
        return Response(status_code=204)

    # files

    async def upload(self, request: Request) -> Response:
        tenant = self._tenant(request)
        if tenant.record["status"] == "suspended":
            raise Refused(403, "tenant-suspended")
        if request.scope.get("state") and int(request.headers.get("Content-Length", 2**60)) > 16 * 2**20:
            raise Refused(413, "body-too-large-for-gateway")
        name, media_type, content, fields = await _received(request)
        digest = hashlib.sha256(content)
        claimed = request.headers.get("Repr-Digest")
        if claimed is not None and claimed != f"sha-256=:{base64.b64encode(digest.digest()).decode()}:":
            raise Refused(422, "digest-mismatch")
        key = request.headers.get("Idempotency-Key")
        if key in tenant.answers:
            return _replayed(tenant.answers[key or ""], digest.digest())
        record = self._new_file(tenant, name, media_type, content, fields)
        if key is not None:
            tenant.answers[key] = (digest.digest(), record)
        return JSONResponse(record, 201, {"ETag": '"m1"'})

    def _new_file(
        self, tenant: FakeTenant, name: str, media_type: str, content: bytes, fields: JsonObject
    ) -> JsonObject:
        limit = tenant.record["configuration"].get("max_file_size_bytes")
        if limit is not None and len(content) > limit:
            raise Refused(413, "file-too-large")
        suffix = re.search(r"\.\w+$", name)
        record = {
            "id": f"fs_{next(self._numbers):08}",
            "file_name": name,
            "file_size_bytes": len(content),
            "media_type": media_type,
            "declared_media_type": media_type,
            "extension": suffix.group().lower() if suffix else "",
            "time_created": _now(),
            "tags": fields.get("tags", []),
            "metadata": fields.get("metadata", {}),
            "sha256": hashlib.sha256(content).hexdigest(),
            "storage_path": f"{tenant.record['code']}/2026-01/x",
            "version": 1,
        }
        tenant.files[record["id"]] = FakeFile(record, content)
        return record

    async def begin_upload(self, request: Request) -> Response:
        upload_id = self.uploads.begin(self._tenant(request), request.headers)
        prefix = "/files" if request.scope.get("state") else ""
        return Response(status_code=201, headers={"Location": f"{prefix}{request.url.path}/{upload_id}"})

    async def ask_upload(self, request: Request) -> Response:
        self._tenant(request)
        return Response(headers=self.uploads.state(request.path_params["upload_id"]))

    async def go_on_with_upload(self, request: Request) -> Response:
        tenant, upload_id = self._tenant(request), request.path_params["upload_id"]
        if request.scope.get("state") and int(request.headers["Content-Length"]) > 16 * 2**20:
            raise Refused(413, "body-too-large-for-gateway")
        whole = self.uploads.add(tenant, upload_id, request.headers, await request.body())
        return Response(status_code=204, headers=self.uploads.state(upload_id)) if whole else _broken()

    async def end_upload(self, request: Request) -> Response:
        self._tenant(request)
        self.uploads.end(request.path_params["upload_id"])
        return Response(status_code=204)

    def _file(self, request: Request) -> FakeFile:
        file = self._tenant(request).files.get(request.path_params["file_id"])
        if file is None:
            raise Refused(404, "not-found", "There is no such file.")
        return file

    async def list_files(self, request: Request) -> Response:
        asked = request.query_params
        found = [
            file.record
            for file in self._tenant(request).files.values()
            if asked.get("name", "") in file.record["file_name"]
            and asked.get("extension", "").lstrip(".") in {"", file.record["extension"].lstrip(".")}
            and set(asked.getlist("tag")) <= set(file.record["tags"])
            and all(
                str(file.record["metadata"].get(name.removeprefix("meta."))) == value
                for name, value in asked.items()
                if name.startswith("meta.")
            )
        ]
        sort = asked.get("sort", "time_created")
        found.sort(key=lambda record: str(record[sort.lstrip("-")]), reverse=sort.startswith("-"))
        return _page(request, found)

    async def get_file(self, request: Request) -> Response:
        return JSONResponse(self._file(request).record)

    async def patch_file(self, request: Request) -> Response:
        return JSONResponse(await _patched(request, self._file(request).record))

    async def delete_file(self, request: Request) -> Response:
        file = self._file(request)
        del self._tenant(request).files[file.record["id"]]
        return Response(status_code=204)

    async def batch_get(self, request: Request) -> Response:
        files = self._tenant(request).files
        return JSONResponse({"items": [_batch_item(id_, files.get(id_)) for id_ in (await request.json())["ids"]]})

    async def batch_delete(self, request: Request) -> Response:
        files, ids = self._tenant(request).files, (await request.json())["ids"]
        gone = {id_: files.pop(id_, None) is not None for id_ in ids}
        return JSONResponse({"items": [{"id": id_, "status": 204 if gone[id_] else 404} for id_ in ids]})

    async def content(self, request: Request) -> Response:
        file = self._file(request)
        etag = f'"{file.record["sha256"]}"'
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if wanted and request.headers.get("If-Range", etag) == etag:
            return Response(file.content[int(wanted[1]) :], 206, headers, "application/octet-stream")
        return Response(file.content, 200, headers, "application/octet-stream")

    # extraction

    async def submit(self, request: Request) -> Response:
        tenant, given = self._tenant(request), await request.json()
        if given["file_id"] not in tenant.files:
            raise Refused(404, "not-found", "There is no such file.")
        if tenant.files[given["file_id"]].record["extension"] == ".zip":
            raise Refused(415, "not-extractable")
        key = request.headers["Idempotency-Key"]
        asked = json.dumps(given, sort_keys=True).encode()
        if key in tenant.answers:
            return _replayed(tenant.answers[key], asked)
        job = self._new_job(tenant, given)
        password = self.locked.get(tenant.files[given["file_id"]].content)
        if password is not None and given.get("options", {}).get("password") != password:
            job |= {"state": "failed", "error": {"code": "password-required", "message": "It is encrypted."}}
        tenant.answers[key] = (asked, job)
        if "Prefer" in request.headers and not self.hold_jobs:
            if job["state"] == "queued":
                self._finish(job)
            return JSONResponse(job)
        return JSONResponse(job, 202, {"Retry-After": "1"})

    def _new_job(self, tenant: FakeTenant, given: JsonObject) -> JsonObject:
        job = {
            "id": f"ex_{next(self._numbers)}",
            "file_id": given["file_id"],
            "tenant_code": tenant.record["code"],
            "state": "queued",
            "options": {name: value for name, value in given.get("options", {}).items() if name != "password"},
            "progress": {"pages_done": 0, "pages_total": None},
            "attempt": 0,
            "cached": False,
            "time_created": _now(),
            "time_started": None,
            "time_finished": None,
        }
        tenant.jobs[job["id"]] = job
        return job

    def _finish(self, job: JsonObject) -> None:
        job |= {"state": "failed" if self.job_error else "succeeded", "time_finished": _now()}
        job |= {"error": self.job_error} if self.job_error else {"progress": {"pages_done": 1, "pages_total": 1}}

    async def finish(self, job_id: str) -> None:
        """End a held job, and wake whoever waits for it."""
        job = next(tenant.jobs[job_id] for tenant in self.tenants.values() if job_id in tenant.jobs)
        async with self.changed:
            self._finish(job)
            self.changed.notify_all()

    def _job(self, request: Request) -> JsonObject:
        job = self._tenant(request).jobs.get(request.path_params["job_id"])
        if job is None:
            raise Refused(404, "not-found", "There is no such extraction.")
        return job

    async def list_jobs(self, request: Request) -> Response:
        asked = request.query_params
        jobs = self._tenant(request).jobs.values()
        return _page(request, [job for job in jobs if asked.get("state", job["state"]) == job["state"]])

    async def get_job(self, request: Request) -> Response:
        job, wait = self._job(request), int(request.query_params.get("wait", "0"))
        if wait and self.hold_jobs:
            self.waited_for.set()
            async with self.changed:
                await asyncio.wait_for(self.changed.wait_for(lambda: job["state"] != "queued"), wait)
        elif wait:
            self._finish(job)
        return JSONResponse(job)

    async def cancel(self, request: Request) -> Response:
        job = self._job(request)
        if job["state"] not in {"queued", "running"}:
            raise Refused(409, "already-finished")
        job["state"] = "cancelled"
        return JSONResponse(job, 202)

    async def delete_job(self, request: Request) -> Response:
        job_id = self._job(request)["id"]
        del self._tenant(request).jobs[job_id]
        self.batches.forget(job_id)
        return Response(status_code=204)

    async def result(self, request: Request) -> Response:
        job = self._job(request)
        if job["state"] != "succeeded":
            raise Refused(409, "not-finished")
        file = self._tenant(request).files[job["file_id"]]
        text = file.content.decode()
        form = request.query_params.get("format", "json")
        if form != "json":
            return PlainTextResponse({"text": text, "markdown": f"# {text}", "html": f"<p>{text}</p>"}[form])
        return JSONResponse(_document(file.record, text, words=request.query_params.get("expand") == "words"))

    async def create_batch(self, request: Request) -> Response:
        key = request.headers["Idempotency-Key"]
        return JSONResponse(self.batches.create(self._tenant(request), await request.json(), key, _now()), 202)

    async def list_batches(self, request: Request) -> Response:
        self._tenant(request)
        return _page(request, self.batches.all())

    async def get_batch(self, request: Request) -> Response:
        self._tenant(request)
        self.batches.look(request.path_params["batch_id"])
        return JSONResponse(self.batches.shown(request.path_params["batch_id"]))

    async def list_batch_jobs(self, request: Request) -> Response:
        self._tenant(request)
        jobs = self.batches.look(request.path_params["batch_id"])
        asked = request.query_params.get("state")
        return _page(request, [job for job in jobs if asked in {None, job["state"]}])

    async def change_batch(self, request: Request) -> Response:
        self._tenant(request)
        change = self.batches.cancel if request.url.path.endswith(":cancel") else self.batches.retry_failed
        return JSONResponse(change(request.path_params["batch_id"]), 202)

    async def start_page(self, request: Request) -> Response:
        """The gateway's: this port serves the gateway's paths and the services' own."""
        own = {"name": "files", "path": "/files", "direct": str(request.base_url)}
        return JSONResponse({"name": "Muniment", "services": [own] if self.tells_its_ports else []})

    async def ready(self, _request: Request) -> Response:
        return JSONResponse({"status": "ready"})


async def _received(request: Request) -> tuple[str, str, bytes, JsonObject]:
    """File name, media type, bytes, and the fields of a form."""
    if not request.headers["Content-Type"].startswith("multipart/form-data"):
        name = unquote(request.headers["Content-Disposition"].partition("filename*=UTF-8''")[2])
        return name, request.headers["Content-Type"], await request.body(), {}
    async with request.form() as form:
        fields = {name: json.loads(value) for name, value in form.items() if isinstance(value, str)}
        file = form["file"]
        assert not isinstance(file, str)
        return file.filename or "", file.content_type or "", await file.read(), fields


async def _patched(request: Request, record: JsonObject) -> JsonObject:
    assert request.headers["Content-Type"] == "application/merge-patch+json"
    if request.headers["If-Match"] != f'"m{record["version"]}"':
        raise Refused(412, "version-conflict")
    record |= _merged(record, await request.json()) | {"version": record["version"] + 1}
    return record


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        merged[name] = _merged(merged.get(name), value)
    return {name: value for name, value in merged.items() if value is not None or name not in patch}


def _succeeded(operation: JsonObject) -> JsonObject:
    return operation | {"state": "succeeded", "result": {"rows_left": 0, "bytes_left": 0}}


def _page(request: Request, records: list[JsonObject]) -> Response:
    start, limit = int(request.query_params.get("cursor", "0")), int(request.query_params["limit"])
    end = start + limit
    return JSONResponse({"items": records[start:end], "next_cursor": str(end) if end < len(records) else None})


def _batch_item(file_id: str, file: FakeFile | None) -> JsonObject:
    return {"id": file_id, "status": 404} if file is None else {"id": file_id, "status": 200, "file": file.record}


def _replayed(answer: tuple[bytes, JsonObject], asked: bytes) -> Response:
    if answer[0] != asked:
        raise Refused(422, "idempotency-key-reused")
    return JSONResponse(answer[1], 201, {"Idempotency-Replayed": "true"})


def _refusal(refused: Refused) -> Response:
    retry_after = refused.more.pop("retry_after", None)
    body = {
        "type": f"urn:muniment:problem:{refused.code}",
        "title": refused.code,
        "status": refused.status,
        "detail": refused.detail,
        "code": refused.code,
        "request_id": "r-1",
    }
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return JSONResponse(body | refused.more, refused.status, headers, "application/problem+json")


def _broken() -> Response:
    return _cut(Response(b"lost"), 0)


def _cut(answer: Response, after_bytes: int) -> Response:
    """The same answer, whose connection breaks so far into the body."""
    whole = getattr(answer, "body_iterator", None)

    async def body() -> AsyncIterator[bytes]:
        sent = b"".join([chunk async for chunk in whole]) if whole is not None else bytes(answer.body)
        yield sent[:after_bytes]
        raise ConnectionAbortedError

    return StreamingResponse(body(), answer.status_code, dict(answer.headers))


def _document(record: JsonObject, text: str, *, words: bool) -> JsonObject:
    span = [0, len(text)]
    word = {"text": text, "bbox": None, "span": span, "confidence": 1.0}
    line = {"text": text, "bbox": [0, 0, 10, 10], "span": span, "confidence": 1.0} | (
        {"words": [word]} if words else {}
    )
    page = {"number": 1, "width": 100, "height": 100, "unit": "pt", "rotation": 0, "source": "text", "span": span}
    cells = [{"row": 0, "column": 1, "text": text, "row_span": 1, "column_span": 1, "header": False}]
    table = {"id": "t1", "page": 1, "rows": 1, "columns": 2, "method": "ruled", "confidence": 1, "cells": cells}
    return {
        "schema": "muniment.document/1",
        "document": {
            "file_id": record["id"],
            "sha256": record["sha256"],
            "file_name": record["file_name"],
            "media_type": record["media_type"],
            "size": record["file_size_bytes"],
            "page_count": 1,
            "title": None,
        },
        "status": "succeeded",
        "engine": {"name": "fake", "version": "1", "options_hash": "0"},
        "warnings": [],
        "content": text,
        "pages": [page | {"confidence": 1.0, "lines": [line]}],
        "blocks": [{"id": "b1", "type": "paragraph", "page": 1, "bbox": None, "span": span, "layer": "body"}],
        "tables": [table],
        "form_fields": [{"name": "agree", "type": "checkbox", "value": True, "page": 1}],
        "key_values": [],
        "images": [],
        "timings": {"parse": 0.1},
    }


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
