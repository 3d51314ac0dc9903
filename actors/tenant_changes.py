"""What can happen to one tenant: changes, and what each does to the rows in memory.

A `TenantState` holds the tenant's row and every row that the waiting changes name, read with one query each. Applying
a change is plain Python on these rows: it raises before it touches anything, or does all of its work. What it did is
written when the transaction flushes, many changes in a few statements.
"""

from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import ValidationError

from storage.cache import GONE
from storage.cache_keys import file_key, tenant_key
from storage.errors import InvalidFields, NotFound, QuotaExceeded, TenantSuspended, VersionConflict
from storage.merge_patch import merge_patch
from storage.metadata_field import refuse_bad_metadata
from storage.models import File, Json, Tenant
from storage.outbox import Event
from storage.records import FileRecord, TenantRecord, active_row
from storage.shown_records import file_out, tenant_out
from storage.tenant_configuration import TenantConfiguration
from storage.upload_checks.file_names import extension_of
from storage.upload_errors import ExtensionNotAllowed

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """The key that a request came with, and what it asked for; another request must not use the key."""

    key: str
    fingerprint: str


@dataclass(slots=True)
class TenantState:
    """The rows that a batch of changes works on, and what is to be done when they are committed."""

    tenant: Tenant
    files: dict[str, File]
    same_bytes: dict[str, list[str]]
    """Active files by hash, as far as the batch asks for them: hash → ids."""
    given_up: set[str] = field(default_factory=set)
    """Of the places that the batch asks for, those whose bytes are about to be removed: nothing may be stored there."""
    stored: dict[str, FileRecord] = field(default_factory=dict)
    """Files that the batch stores at once, by id: they need a row only where another change names them."""
    added: list[File] = field(default_factory=list)
    removed: list[File] = field(default_factory=list)
    removals: list[str] = field(default_factory=list)
    """Places whose bytes go when the batch is committed."""
    invalidations: dict[str, int] = field(default_factory=dict)
    """Cache keys, and the version that each has from now on."""
    answers: list[tuple[IdempotentRequest, Json]] = field(default_factory=list)
    """Answers to keep for requests that may come again."""
    events: list[Event] = field(default_factory=list)
    """What is told to others once it is committed, in the order of the changes."""
    deletion: str | None = None
    """Id of the operation that removes the tenant; no change is applied after it."""

    _rules: TenantConfiguration | None = None

    @property
    def rules(self) -> TenantConfiguration:
        if self._rules is None:
            self._rules = TenantConfiguration.model_validate(self.tenant.configuration)
        return self._rules

    def configure(self, configuration: Json) -> None:
        self.tenant.configuration = configuration
        self._rules = None

    def row(self, file_id: str) -> File | None:
        if (record := self.stored.pop(file_id, None)) is not None:
            self.add(active_row(record))
        return self.files.get(file_id)

    def record(self, file_id: str) -> FileRecord | None:
        """Of an active file."""
        row = self.files.get(file_id)
        return FileRecord.of(row) if row is not None and row.state == "active" else self.stored.get(file_id)

    def file(self, file_id: str, state: str) -> File:
        row = self.row(file_id)
        if row is None or row.state != state:
            raise NotFound("file")
        return row

    def refuse_when_suspended(self) -> None:
        if self.tenant.status == "suspended":
            raise TenantSuspended

    def check_quota(self, files: int, size: int) -> None:
        """Raises `QuotaExceeded` when so many more files and bytes do not fit beside what is there and reserved."""
        rules, tenant = self.rules, self.tenant
        wanted = tenant.file_count + tenant.reserved_files + files
        if files and rules.max_files is not None and wanted > rules.max_files:
            raise QuotaExceeded("files", wanted, rules.max_files)
        wanted = tenant.total_bytes + tenant.reserved_bytes + size
        if rules.max_total_bytes is not None and wanted > rules.max_total_bytes:
            raise QuotaExceeded("bytes", wanted, rules.max_total_bytes)

    def release_reservation(self, row: File) -> None:
        self.tenant.reserved_files -= 1
        self.tenant.reserved_bytes -= row.reserved_bytes
        row.reserved_bytes = 0

    def count(self, record: FileRecord, request: IdempotentRequest | None) -> None:
        """From now on the file counts, and everybody sees it."""
        self.tenant.file_count += 1
        self.tenant.total_bytes += record.file_size_bytes
        self.same_bytes.setdefault(record.sha256, []).append(record.id)
        self.events.append(Event("file.created", file_out(record)))
        if request is not None:
            self.answers.append((request, record.to_fields()))

    def add(self, row: File) -> None:
        self.files[row.id] = row
        self.added.append(row)

    def remove(self, row: File) -> None:
        del self.files[row.id]
        self.removed.append(row)
        self.give_up(row.storage_path)
        if row.sha256 in self.same_bytes:
            self.same_bytes[row.sha256] = [other for other in self.same_bytes[row.sha256] if other != row.id]

    def give_up(self, place: str) -> None:
        """Its bytes go, and nothing may be stored there any more."""
        self.given_up.add(place)
        self.removals.append(place)


@dataclass(frozen=True, slots=True)
class Change(Generic[Answer]):
    """`call_id` names the call: a caller that lost the answer sends the same change again and gets the same answer."""

    call_id: UUID

    remembered = False
    """Whether the answer must be stored, because applying the change twice would not give the same one."""

    def apply(self, state: TenantState) -> Answer:
        raise NotImplementedError

    def remember(self, answer: Answer) -> Json:
        """The answer as JSON, for changes that are remembered."""
        raise NotImplementedError

    def recall(self, outcome: Json, state: TenantState) -> Answer:
        """The answer that `remember` was given. Whoever gave it first may have died before the cache heard of it."""
        raise NotImplementedError

    @property
    def names_file(self) -> str | None:
        return None

    @property
    def names_bytes(self) -> str | None:
        """The hash that a duplicate would have."""
        return None

    @property
    def names_place(self) -> str | None:
        """The path at which bytes lie already, for which there may be no row yet."""
        return None


def _expect(seen: int | None, present: int) -> None:
    if seen is not None and seen != present:
        raise VersionConflict(present)


def _patched_metadata(present: Json, patch: Json | None) -> Json:
    """Raises `InvalidFields` when what comes out is too large, too deep or cannot be stored."""
    metadata: Json = {} if patch is None else merge_patch(present, patch)
    refuse_bad_metadata(metadata)
    return metadata


@dataclass(frozen=True, slots=True)
class UpdateFile(Change[FileRecord]):
    """`patch` may hold `file_name`, `tags` and `metadata`; the last is a merge patch of the present metadata.

    `version` is the one that the caller saw; None changes whatever is there.
    """

    id: str
    version: int | None
    patch: dict[str, Any]

    remembered = True

    @property
    def names_file(self) -> str:
        return self.id

    def apply(self, state: TenantState) -> FileRecord:
        state.refuse_when_suspended()
        row = state.file(self.id, "active")
        _expect(self.version, row.version)
        self._refuse_renaming(row, state)
        metadata = _patched_metadata(row.metadata_, self.patch.get("metadata", {}))
        row.metadata_ = metadata
        row.file_name = self.patch.get("file_name", row.file_name)
        row.extension = extension_of(row.file_name)
        row.tags = self.patch.get("tags", row.tags)
        row.version += 1
        state.invalidations[file_key(state.tenant.id, row.id)] = row.version
        record = FileRecord.of(row)
        state.events.append(Event("file.updated", file_out(record)))
        return record

    def _refuse_renaming(self, row: File, state: TenantState) -> None:
        """A name that could not have been uploaded cannot be given afterwards either."""
        extension = extension_of(self.patch.get("file_name", row.file_name))
        if extension != extension_of(row.file_name) and not state.rules.allows_extension(extension):
            raise ExtensionNotAllowed(extension)

    def remember(self, answer: FileRecord) -> Json:
        return answer.to_fields()

    def recall(self, outcome: Json, state: TenantState) -> FileRecord:
        record = FileRecord.from_fields(outcome)
        state.invalidations.setdefault(file_key(state.tenant.id, record.id), record.version)
        return record


@dataclass(frozen=True, slots=True)
class DeleteFile(Change[None]):
    """Remove the row; the bytes follow after the commit."""

    id: str

    remembered = True

    @property
    def names_file(self) -> str:
        return self.id

    def apply(self, state: TenantState) -> None:
        state.refuse_when_suspended()
        row = state.file(self.id, "active")
        state.tenant.file_count -= 1
        state.tenant.total_bytes -= row.file_size_bytes
        state.events.append(Event("file.deleted", file_out(FileRecord.of(row))))
        state.remove(row)
        state.invalidations[file_key(state.tenant.id, self.id)] = GONE

    def remember(self, answer: None) -> Json:  # noqa: ARG002 - there is nothing to keep
        return {}

    def recall(self, outcome: Json, state: TenantState) -> None:  # noqa: ARG002 - it was done
        state.invalidations[file_key(state.tenant.id, self.id)] = GONE


@dataclass(frozen=True, slots=True)
class TenantChange(Change[TenantRecord]):
    """A change of the tenant itself."""

    remembered = True

    def _changed(self, state: TenantState) -> TenantRecord:
        """The next version of the tenant, of which everybody is told."""
        tenant = state.tenant
        tenant.version += 1
        state.invalidations[tenant_key(tenant.code)] = tenant.version
        record = TenantRecord.of(tenant)
        state.events.append(Event("tenant.updated", tenant_out(record)))
        return record

    def remember(self, answer: TenantRecord) -> Json:
        return answer.to_fields()

    def recall(self, outcome: Json, state: TenantState) -> TenantRecord:
        record = TenantRecord.from_fields(outcome)
        state.invalidations.setdefault(tenant_key(record.code), record.version)
        return record


@dataclass(frozen=True, slots=True)
class UpdateTenant(TenantChange):
    """Merge patches of `configuration` and `metadata`; None takes all of one away.

    `version` is the one that the caller saw; None changes whatever is there. The operator may do it to a suspended one.
    """

    version: int | None
    configuration: dict[str, Any] | None
    metadata: dict[str, Any] | None
    by_operator: bool = False

    def apply(self, state: TenantState) -> TenantRecord:
        tenant = state.tenant
        if not self.by_operator:
            state.refuse_when_suspended()
        _expect(self.version, tenant.version)
        metadata = _patched_metadata(tenant.metadata_, self.metadata)
        state.configure(self._configured(state.rules))
        tenant.metadata_ = metadata
        return self._changed(state)

    def _configured(self, present: TenantConfiguration) -> Json:
        """The new configuration. Raises `InvalidFields` with pointers below `/configuration`."""
        try:
            new = TenantConfiguration() if self.configuration is None else present.patched(self.configuration)
        except ValidationError as error:
            raise InvalidFields.of(error, "/configuration") from None
        return new.stored()


@dataclass(frozen=True, slots=True)
class SetTenantStatus(TenantChange):
    """Suspend the tenant, or let it go on; nothing happens to one that is so already."""

    status: Literal["active", "suspended"]

    def apply(self, state: TenantState) -> TenantRecord:
        if state.tenant.status == self.status:
            return TenantRecord.of(state.tenant)
        state.tenant.status = self.status
        return self._changed(state)


@dataclass(frozen=True, slots=True)
class DeleteTenant(Change[str]):
    """The last change of a tenant: from its commit on the tenant is gone. Answers the id of the purge's operation."""

    operation_id: str

    def apply(self, state: TenantState) -> str:
        state.deletion = self.operation_id
        return self.operation_id
