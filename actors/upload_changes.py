"""What uploads do to a tenant: reserve, grow, and at the end a file that is stored or nothing.

A large upload has a row from its beginning: `ReserveFile`, then `CommitFile` or `AbandonFile`. A small one has its
bytes in place before there is a row: `StoreFile` makes it, or `AbandonFile` sees to it that none is ever made.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from actors.tenant_changes import Change, IdempotentRequest, TenantState
from storage.errors import DuplicateFile, NotFound, Unavailable
from storage.files_on_disk import storage_path
from storage.models import File, Tenant
from storage.records import FileRecord

STORE_SECONDS = 60.0
"""A `StoreFile` is refused when it comes later than so long after its bytes. A removal is remembered for longer, so
that none of a file that was removed meanwhile makes it again."""


@dataclass(frozen=True, slots=True)
class ReserveFile(Change[str]):
    """Make a pending row and take `reserved_bytes` of the quota. Answers the path where the bytes will lie.

    `least_bytes`: so many will come, but how many more is not known. They must fit now, and are not reserved.
    """

    id: str
    file_name: str
    declared_media_type: str
    extension: str
    reserved_bytes: int
    least_bytes: int = 0

    @property
    def names_file(self) -> str:
        return self.id

    def apply(self, state: TenantState) -> str:
        if (existing := state.row(self.id)) is not None:
            return existing.storage_path
        state.refuse_when_suspended()
        state.check_quota(1, max(self.reserved_bytes, self.least_bytes))
        row = self._pending(state.tenant, datetime.now(UTC))
        state.tenant.reserved_files += 1
        state.tenant.reserved_bytes += self.reserved_bytes
        state.add(row)
        return row.storage_path

    def _pending(self, tenant: Tenant, time_created: datetime) -> File:
        return File(
            id=self.id,
            tenant_id=tenant.id,
            file_name=self.file_name,
            file_size_bytes=0,
            media_type="",
            declared_media_type=self.declared_media_type,
            extension=self.extension,
            reserved_bytes=self.reserved_bytes,
            tags=[],
            metadata_={},
            sha256=None,
            time_created=time_created,
            storage_path=storage_path(tenant.code, time_created, self.id, self.extension),
            state="pending",
            version=1,
        )


@dataclass(frozen=True, slots=True)
class ExtendReservation(Change[None]):
    """A pending file turns out to have at least `reserved_bytes`: take what is missing of the quota."""

    id: str
    reserved_bytes: int

    @property
    def names_file(self) -> str:
        return self.id

    def apply(self, state: TenantState) -> None:
        row = state.file(self.id, "pending")
        missing = self.reserved_bytes - row.reserved_bytes
        if missing > 0:
            state.check_quota(0, missing)
            state.tenant.reserved_bytes += missing
            row.reserved_bytes = self.reserved_bytes


@dataclass(frozen=True, slots=True)
class CheckRoom(Change[None]):
    """Raises `QuotaExceeded` when `received_bytes`, which are not reserved, do not fit beside what is."""

    received_bytes: int

    def apply(self, state: TenantState) -> None:
        state.check_quota(0, self.received_bytes)


@dataclass(frozen=True, slots=True)
class _Completion(Change[FileRecord]):
    """What is known of a file when all of its bytes are in place.

    The answer of an idempotent request is stored with the file, so that there is never the one without the other.
    """

    id: str
    file_size_bytes: int
    media_type: str
    sha256: str
    tags: list[str]
    metadata: dict[str, Any]
    request: IdempotentRequest | None = None

    @property
    def names_file(self) -> str:
        return self.id

    @property
    def names_bytes(self) -> str:
        return self.sha256

    def _refuse_unless_it_fits(self, state: TenantState, files: int, size: int) -> None:
        """Raises `DuplicateFile`, and `QuotaExceeded` for so many more files and bytes."""
        if state.rules.duplicate_policy == "reject" and (others := state.same_bytes.get(self.sha256)):
            raise DuplicateFile(others[0])
        state.check_quota(files, size)


@dataclass(frozen=True, slots=True)
class CommitFile(_Completion):
    """The bytes of a reserved file are in place: make it visible, and what was reserved used."""

    def apply(self, state: TenantState) -> FileRecord:
        if (stored := state.record(self.id)) is not None:
            return stored
        row = state.file(self.id, "pending")
        self._refuse_unless_it_fits(state, 0, self.file_size_bytes - row.reserved_bytes)
        state.release_reservation(row)
        row.file_size_bytes = self.file_size_bytes
        row.media_type = self.media_type
        row.sha256 = self.sha256
        row.tags = self.tags
        row.metadata_ = self.metadata
        row.state = "active"
        record = FileRecord.of(row)
        state.count(record, self.request)
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFile(_Completion):
    """The bytes of a small file are in place, and nothing was reserved: make it, if it fits.

    Raises `NotFound` when they are about to be removed, `Unavailable` after `valid_until`.
    """

    file_name: str
    declared_media_type: str
    extension: str
    storage_path: str
    time_created: datetime
    valid_until: datetime

    @property
    def names_place(self) -> str:
        return self.storage_path

    def apply(self, state: TenantState) -> FileRecord:
        if (stored := state.record(self.id)) is not None:
            return stored
        if self.storage_path in state.given_up:
            raise NotFound("file")
        if datetime.now(UTC) > self.valid_until:
            raise Unavailable("tenant's worker")
        state.refuse_when_suspended()
        self._refuse_unless_it_fits(state, 1, self.file_size_bytes)
        record = state.stored[self.id] = FileRecord(
            id=self.id,
            tenant_id=state.tenant.id,
            file_name=self.file_name,
            file_size_bytes=self.file_size_bytes,
            media_type=self.media_type,
            declared_media_type=self.declared_media_type,
            extension=self.extension,
            time_created=self.time_created,
            tags=self.tags,
            metadata=self.metadata,
            sha256=self.sha256,
            storage_path=self.storage_path,
            version=1,
        )
        state.count(record, self.request)
        return record


@dataclass(frozen=True, slots=True)
class AbandonFile(Change[bool]):
    """Give up a file that is not stored. Answers whether it is stored after all; then nothing happens to it.

    `place` is where the bytes of a small file may lie, which has no row before it is stored. They are removed, and it
    is remembered for a while that they were: a `StoreFile` that comes late finds nothing to store.
    """

    id: str
    place: str = ""

    @property
    def names_file(self) -> str:
        return self.id

    def apply(self, state: TenantState) -> bool:
        row = state.row(self.id)
        if row is None:
            if self.place:
                state.give_up(self.place)
            return False
        if row.state == "active":
            return True
        state.release_reservation(row)
        state.remove(row)
        return False
