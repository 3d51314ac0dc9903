"""Calls and flows about extractions: submit, wait, read the result."""

import time
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

import httpx

from muniment.calls import Call, Flow, Pause, json_of, reads, reads_nothing, reads_page, send
from muniment.document import Document
from muniment.errors import WaitTimedOut
from muniment.models import ExtractionOptions, Job, Page, StoredFile
from muniment.request_parts import (
    LONGEST_POLL,
    id_of,
    new_idempotency_key,
    page_params,
    segment,
    tenant_path,
    without_none,
)

T = TypeVar("T")

OnProgress = Callable[[Job], None]
ResultFormat = Literal["json", "text", "markdown", "html"]

PROGRESS_POLL = 1.0
"""Seconds. A long poll ends when the state changes; someone who watches wants to see pages in between."""
_QUICK_ANSWER = 0.5
"""An unchanged job that comes back sooner was not long-polled (the service is going down): do not hammer it."""


def jobs_path(tenant: str) -> str:
    return f"{tenant_path(tenant)}/extractions"


def job_path(tenant: str, job: Job | str) -> str:
    return f"{jobs_path(tenant)}/{segment(id_of(job))}"


def submit(
    tenant: str,
    file: StoredFile | str,
    options: ExtractionOptions,
    *,
    prefer_wait: float = 0.0,
    idempotency_key: str | None = None,
) -> Call[Job]:
    headers = {"Idempotency-Key": idempotency_key or new_idempotency_key()}
    if prefer_wait >= 1:
        headers["Prefer"] = f"wait={int(prefer_wait)}"
    return Call(
        "extraction",
        "POST",
        jobs_path(tenant),
        reads(Job),
        headers=headers,
        json={"file_id": id_of(file)} | ({"options": options_json(options)} if options else {}),
        waits=prefer_wait,
    )


def options_json(options: ExtractionOptions) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def get_job(tenant: str, job: Job | str, wait: float = 0.0) -> Call[Job]:
    """With `wait`, answered when the state changes, or after so many seconds."""
    params = (("wait", str(int(wait))),) if wait >= 1 else ()
    return Call("extraction", "GET", job_path(tenant, job), reads(Job), params, waits=wait)


def list_jobs(
    tenant: str, state: str | None, file: StoredFile | str | None, limit: int, cursor: str | None
) -> Call[Page[Job]]:
    given = without_none(state=state, file_id=None if file is None else id_of(file))
    params = (*page_params(limit, cursor), *given.items())
    return Call("extraction", "GET", jobs_path(tenant), reads_page(Job), params)


def cancel(tenant: str, job: Job | str) -> Call[None]:
    return Call("extraction", "POST", f"{job_path(tenant, job)}:cancel", reads_nothing, done_statuses=(409,))


def delete_job(tenant: str, job: Job | str) -> Call[None]:
    return Call("extraction", "DELETE", job_path(tenant, job), reads_nothing, done_statuses=(404,))


def get_document(
    tenant: str, job: Job | str, pages: str | None, *, words: bool, chunk_characters: int | None = None
) -> Call[Document]:
    return _result(tenant, job, "json", pages, reads(Document), words=words, chunk_characters=chunk_characters)


def get_json(tenant: str, job: Job | str, pages: str | None, *, words: bool) -> Call[dict[str, Any]]:
    return _result(tenant, job, "json", pages, _read_object, words=words)


def get_text(tenant: str, job: Job | str, form: Literal["text", "markdown", "html"], pages: str | None) -> Call[str]:
    return _result(tenant, job, form, pages, lambda response: response.text, words=False)


def _result(
    tenant: str,
    job: Job | str,
    form: ResultFormat,
    pages: str | None,
    read: Callable[[httpx.Response], T],
    *,
    words: bool,
    chunk_characters: int | None = None,
) -> Call[T]:
    expanded = [*(["words"] if words else []), *(["chunks"] if chunk_characters else [])]
    given = without_none(
        format=form,
        pages=pages,
        expand=",".join(expanded) or None,
        chunk_characters=str(chunk_characters) if chunk_characters else None,
    )
    return Call("extraction", "GET", f"{job_path(tenant, job)}/result", read, tuple(given.items()))


def _read_object(response: httpx.Response) -> dict[str, Any]:
    return cast("dict[str, Any]", json_of(response))


def wait_for_job(
    tenant: str,
    job: Job | str,
    timeout: float | None,
    on_progress: OnProgress | None,
    started: float | None = None,
) -> Flow[Job]:
    """Long-polls until the job has finished, whatever way; raises WaitTimedOut `timeout` seconds after `started`."""
    started = time.monotonic() if started is None else started
    current = job if isinstance(job, Job) else (yield from send(get_job(tenant, job)))
    while not current.finished:
        left = _seconds_left(started, timeout)
        if left <= 0:
            raise WaitTimedOut(current.id, current.state, timeout or 0.0)
        current = yield from _next_state(tenant, current, min(left, PROGRESS_POLL if on_progress else LONGEST_POLL))
        if on_progress is not None:
            on_progress(current)
    return current


def _seconds_left(started: float, timeout: float | None) -> float:
    return LONGEST_POLL if timeout is None else timeout - (time.monotonic() - started)


def _next_state(tenant: str, job: Job, seconds: float) -> Flow[Job]:
    asked = time.monotonic()
    seen = yield from send(get_job(tenant, job, seconds))
    if seen == job and time.monotonic() - asked < _QUICK_ANSWER:
        yield Pause(min(seconds, _QUICK_ANSWER))
    return seen


def extract(
    tenant: str,
    file: StoredFile | Flow[StoredFile],
    options: ExtractionOptions,
    timeout: float | None,
    on_progress: OnProgress | None,
) -> Flow[Document]:
    """Upload (where `file` is the flow that does it), submit, wait, read; raises JobFailed."""
    started = time.monotonic()
    stored = file if isinstance(file, StoredFile) else (yield from file)
    hold = LONGEST_POLL if timeout is None else max(0.0, min(timeout, LONGEST_POLL))
    # Someone who watches wants to see the job before it is over.
    job = yield from send(submit(tenant, stored, options, prefer_wait=0.0 if on_progress else hold))
    finished = yield from wait_for_job(tenant, job, timeout, on_progress, started)
    finished.raise_for_failure()
    return (yield from send(get_document(tenant, finished, None, words=False)))
