"""What services tell about tenants, keys, files and extractions: immutable values, named as in the HTTP contract."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypedDict, TypeVar

from muniment.errors import JobFailed, OperationFailed

Item = TypeVar("Item")

Scope = Literal["files:read", "files:write", "extractions:read", "extractions:write", "tenant:admin"]
ALL_SCOPES: tuple[Scope, ...] = (
    "files:read",
    "files:write",
    "extractions:read",
    "extractions:write",
    "tenant:admin",
)
JobState = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled"]


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a list. `next_cursor` is None on the last one."""

    items: tuple[Item, ...]
    next_cursor: str | None = None

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class TenantStats:
    """`by_media_type` has the counts by media type as the service states them; sizes are bytes."""

    file_count: int
    total_bytes: int
    reserved_bytes: int = 0
    by_media_type: dict[str, Any] = field(default_factory=dict)
    extraction_count: int = 0


@dataclass(frozen=True)
class ApiKey:
    """A tenant's key. `secret`, the whole bearer key, is only there in the answer that created it."""

    id: str
    name: str | None
    scopes: tuple[str, ...]
    time_created: datetime
    time_expires: datetime | None = None
    time_last_used: datetime | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Webhook:
    """Where events are sent. `secret`, which signs them, is only there in the answer that created it."""

    id: str
    url: str
    name: str
    event_types: tuple[str, ...]
    time_created: datetime
    time_last_delivered: datetime | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class WebhookDelivery:
    """An event that a webhook did not receive yet (`waiting`), or that was given up (`failed`)."""

    event_id: str
    event_type: str
    state: Literal["waiting", "failed"]
    attempts: int
    time_created: datetime
    time_next_attempt: datetime | None = None
    time_failed: datetime | None = None
    last_error: str | None = None


@dataclass(frozen=True)
class Tenant:
    """A tenant; `stats` is there when one tenant was asked for, `api_key` only in the answer that created it."""

    id: str
    code: str
    status: Literal["active", "suspended", "deleting"]
    configuration: dict[str, Any]
    metadata: dict[str, Any]
    time_created: datetime
    version: int
    stats: TenantStats | None = None
    api_key: ApiKey | None = None


@dataclass(frozen=True)
class Operation:
    """Something that takes a while, such as deleting a tenant."""

    id: str
    kind: str
    state: Literal["running", "succeeded", "failed"]
    progress: Any = None
    result: Any = None

    @property
    def finished(self) -> bool:
        return self.state != "running"

    def raise_for_failure(self) -> "Operation":
        """Itself, unless it failed: then OperationFailed."""
        if self.state == "failed":
            raise OperationFailed(self.id, self.kind, self.result)
        return self


@dataclass(frozen=True)
class StoredFile:
    """A file's record. `media_type` is the detected one, `storage_path` is relative to the service's storage."""

    id: str
    file_name: str
    file_size_bytes: int
    media_type: str
    time_created: datetime
    sha256: str
    version: int
    declared_media_type: str | None = None
    extension: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    storage_path: str = ""


@dataclass(frozen=True)
class BatchItem:
    """What became of one id of a batch call: an HTTP status, with the file where one was asked for and found."""

    id: str
    status: int
    file: StoredFile | None = None
    problem: Mapping[str, Any] | None = None

    @property
    def ok(self) -> bool:
        return self.status < 400  # noqa: PLR2004 - HTTP's border


@dataclass(frozen=True)
class JobProgress:
    pages_done: int = 0
    pages_total: int | None = None


@dataclass(frozen=True)
class JobError:
    """Why a job failed; `code` is the machine's word, such as `password-required` or `corrupt-file`."""

    code: str
    message: str = ""
    phase: str = ""
    retryable: bool = False


@dataclass(frozen=True)
class Job:
    """One extraction. `cached` says that the same bytes had been parsed with the same options before."""

    id: str
    file_id: str
    state: JobState
    time_created: datetime
    tenant_code: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    progress: JobProgress = JobProgress()
    attempt: int = 0
    cached: bool = False
    error: JobError | None = None
    time_started: datetime | None = None
    time_finished: datetime | None = None
    batch_id: str | None = None

    @property
    def finished(self) -> bool:
        return self.state not in {"queued", "running"}

    @property
    def has_result(self) -> bool:
        """A partial job has one as well: pages that failed say so in it."""
        return self.state in {"succeeded", "partial"}

    def raise_for_failure(self) -> "Job":
        """Itself, unless it failed or was cancelled: then JobFailed."""
        if self.state in {"failed", "cancelled"}:
            error = self.error or JobError(self.state, f"The extraction was {self.state}.")
            raise JobFailed(self.id, self.file_id, error.code, error.message, retryable=error.retryable)
        return self


@dataclass(frozen=True)
class Batch:
    """Extractions that were asked for together. `counts` has `total` and a number for each state of a job."""

    id: str
    name: str
    state: JobState
    counts: dict[str, int]
    time_created: datetime
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.counts["total"]

    @property
    def done(self) -> int:
        """Jobs that have finished, whatever way."""
        return self.total - self.counts["queued"] - self.counts["running"]

    @property
    def finished(self) -> bool:
        return self.done == self.total


@dataclass(frozen=True)
class ServiceHealth:
    """One service's answer to `/healthz/ready`; `detail` says what is wrong when it is not ready."""

    service: str
    url: str
    ready: bool
    detail: str = ""


class FileFilters(TypedDict, total=False):
    """Which files to list, and in which order.

    `name` is a substring, `tags` must all be there, `metadata` compares top-level values, `sort` is `time_created`,
    `file_name` or `file_size_bytes`, with `-` before it for the reverse.
    """

    name: str
    extension: str
    media_type: str
    tags: "tuple[str, ...] | list[str]"
    metadata: Mapping[str, str]
    created_after: datetime | str
    created_before: datetime | str
    min_size: int
    max_size: int
    sha256: str
    sort: str


class ExtractionOptions(TypedDict, total=False):
    """How to read a file; everything left out is the service's default.

    `ocr` decides per page (`auto`), for all (`force`) or for none (`never`); `pages` is a selection such as `1-3,7`;
    `password` opens an encrypted file and is forgotten by the service when the job ends.
    """

    ocr: Literal["auto", "force", "never"]
    languages: "tuple[str, ...] | list[str]"
    pages: str
    password: str
    tables: bool
    timeout_seconds: float
