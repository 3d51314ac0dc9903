"""Calls and flows about batches of extractions."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from muniment.calls import Call, Flow, Pause, reads, reads_page, send
from muniment.decoding import encode
from muniment.errors import WaitTimedOut
from muniment.extraction_calls import options_json
from muniment.models import Batch, ExtractionOptions, FileFilters, Job, JobState, Page, StoredFile
from muniment.request_parts import id_of, new_idempotency_key, page_params, segment, tenant_path, without_none

OnBatchProgress = Callable[[Batch], None]

FIRST_LOOK = 0.2
LONGEST_LOOK = 2.0
"""Seconds between two looks at a batch; they grow from the first to the longest."""


def batches_path(tenant: str) -> str:
    return f"{tenant_path(tenant)}/extraction-batches"


def batch_path(tenant: str, batch: Batch | str) -> str:
    return f"{batches_path(tenant)}/{segment(batch if isinstance(batch, str) else batch.id)}"


def submit_batch(
    tenant: str,
    files: Sequence[StoredFile | str] | None,
    filters: FileFilters | None,
    name: str,
    options: ExtractionOptions,
    idempotency_key: str | None = None,
) -> Call[Batch]:
    if (files is None) == (filters is None):
        raise TypeError("Name the files of a batch, or a filter that finds them: one of the two.")
    chosen = {"filter": _filter_json(filters)} if filters is not None else {"file_ids": [id_of(f) for f in files or ()]}
    return Call(
        "extraction",
        "POST",
        batches_path(tenant),
        reads(Batch),
        headers={"Idempotency-Key": idempotency_key or new_idempotency_key()},
        json=chosen | {"name": name} | ({"options": options_json(options)} if options else {}),
    )


def _filter_json(filters: FileFilters) -> dict[str, Any]:
    """The filters as the file list's query names them; an order means nothing here."""
    found: dict[str, Any] = {}
    for name, value in filters.items():
        if isinstance(value, Mapping):
            found |= {f"meta.{key}": text for key, text in value.items()}
        elif name != "sort" and value is not None:
            found["tag" if name == "tags" else name] = encode(value)
    return found


def get_batch(tenant: str, batch: Batch | str) -> Call[Batch]:
    return Call("extraction", "GET", batch_path(tenant, batch), reads(Batch))


def list_batches(tenant: str, limit: int, cursor: str | None) -> Call[Page[Batch]]:
    return Call("extraction", "GET", batches_path(tenant), reads_page(Batch), page_params(limit, cursor))


def list_batch_jobs(
    tenant: str, batch: Batch | str, state: JobState | None, limit: int, cursor: str | None
) -> Call[Page[Job]]:
    params = (*page_params(limit, cursor), *without_none(state=state).items())
    return Call("extraction", "GET", f"{batch_path(tenant, batch)}/jobs", reads_page(Job), params)


def cancel_batch(tenant: str, batch: Batch | str) -> Call[Batch]:
    return Call("extraction", "POST", f"{batch_path(tenant, batch)}:cancel", reads(Batch))


def retry_failed(tenant: str, batch: Batch | str) -> Call[Batch]:
    return Call("extraction", "POST", f"{batch_path(tenant, batch)}:retry-failed", reads(Batch))


def wait_for_batch(
    tenant: str, batch: Batch | str, timeout: float | None, on_progress: OnBatchProgress | None
) -> Flow[Batch]:
    """Looks again and again until every job has finished; raises WaitTimedOut after `timeout` seconds."""
    started = time.monotonic()
    pause = FIRST_LOOK
    while True:
        current = yield from send(get_batch(tenant, batch))
        if on_progress is not None:
            on_progress(current)
        if current.finished:
            return current
        left = LONGEST_LOOK if timeout is None else timeout - (time.monotonic() - started)
        if left <= 0:
            raise WaitTimedOut(current.id, current.state, timeout or 0.0)
        yield Pause(min(pause, left))
        pause = min(pause * 2, LONGEST_LOOK)
