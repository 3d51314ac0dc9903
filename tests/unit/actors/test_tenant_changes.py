"""What each change does to the rows in memory, and that a refused one touches nothing."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.tenant_changes import (
    Change,
    DeleteFile,
    DeleteTenant,
    IdempotentRequest,
    SetTenantStatus,
    TenantState,
    UpdateFile,
    UpdateTenant,
)
from actors.upload_changes import AbandonFile, CommitFile, ReserveFile
from storage.cache import GONE
from storage.cache_keys import file_key, tenant_key
from storage.errors import DuplicateFile, InvalidFields, NotFound, QuotaExceeded, TenantSuspended, VersionConflict
from storage.models import File, Tenant
from storage.outbox import Event
from storage.records import FileRecord, TenantRecord
from storage.shown_records import file_out
from storage.upload_errors import ExtensionNotAllowed

TENANT_ID = UUID(int=1)
SHA = "ab" * 32


def state_of(*files: File, **configuration: Any) -> TenantState:
    active = [row for row in files if row.state == "active"]
    tenant = Tenant(
        id=TENANT_ID,
        code="acme",
        configuration=configuration,
        metadata_={"k": {"a": 1}},
        status="active",
        version=1,
        time_created=datetime.now(UTC),
        file_count=len(active),
        total_bytes=sum(row.file_size_bytes for row in active),
        reserved_files=len(files) - len(active),
        reserved_bytes=sum(row.reserved_bytes for row in files),
    )
    same_bytes: dict[str, list[str]] = {}
    for row in active:
        same_bytes.setdefault(row.sha256 or "", []).append(row.id)
    return TenantState(tenant, {row.id: row for row in files}, same_bytes)


def file(name: str = "fs_1", state: str = "active", size: int = 10, **fields: Any) -> File:
    pending = state == "pending"
    values: dict[str, Any] = {
        "id": name,
        "tenant_id": TENANT_ID,
        "file_name": "a.txt",
        "file_size_bytes": 0 if pending else size,
        "reserved_bytes": size if pending else 0,
        "media_type": "text/plain",
        "declared_media_type": "",
        "extension": ".txt",
        "time_created": datetime.now(UTC),
        "tags": ["old"],
        "metadata_": {"k": {"a": 1}},
        "sha256": None if pending else SHA,
        "storage_path": f"acme/2025-01/{name}.txt",
        "version": 1,
        "state": state,
    }
    return File(**values | fields)


def reserve(name: str = "fs_9", size: int = 5) -> ReserveFile:
    return ReserveFile(uuid4(), name, "a.txt", "text/plain", ".txt", size)


def commit(name: str = "fs_1", size: int = 10, sha256: str = SHA, **fields: Any) -> CommitFile:
    return CommitFile(uuid4(), name, size, "text/plain", sha256, ["t"], {"m": 1}, **fields)


def counters(state: TenantState) -> tuple[int, int, int, int]:
    tenant = state.tenant
    return tenant.file_count, tenant.total_bytes, tenant.reserved_files, tenant.reserved_bytes


def test_reserving_takes_of_the_quota_and_answers_the_place_of_the_bytes() -> None:
    state = state_of()
    path = reserve().apply(state)
    assert path == f"acme/{datetime.now(UTC):%Y-%m}/fs_9.txt"
    assert counters(state) == (0, 0, 1, 5)
    assert [row.state for row in state.added] == ["pending"]
    # Sent twice: the same place, taken once.
    assert reserve().apply(state) == path
    assert counters(state) == (0, 0, 1, 5)


def test_committing_uses_what_was_reserved() -> None:
    state = state_of(file(state="pending", size=4))
    record = commit(size=10).apply(state)
    assert state.events == [Event("file.created", file_out(record))]
    assert counters(state) == (1, 10, 0, 0)
    assert (record.file_size_bytes, record.sha256, record.tags, record.metadata) == (10, SHA, ["t"], {"m": 1})
    assert state.answers == []
    # Sent twice: the same answer, counted once.
    assert commit(size=10).apply(state) == record
    assert len(state.events) == 1
    assert counters(state) == (1, 10, 0, 0)


def test_the_answer_of_an_idempotent_upload_is_kept_with_it() -> None:
    state = state_of(file(state="pending"))
    request = IdempotentRequest("key", "print")
    record = commit(request=request).apply(state)
    assert state.answers == [(request, record.to_fields())]


@pytest.mark.parametrize("taken", [{"max_files": 1}, {"max_total_bytes": 14}])
def test_what_does_not_fit_is_refused_before_anything_is_touched(taken: dict[str, int]) -> None:
    state = state_of(file(), **taken)
    with pytest.raises(QuotaExceeded):
        reserve(size=5).apply(state)
    assert counters(state) == (1, 10, 0, 0)
    assert state.added == []


def test_what_just_fits_is_taken() -> None:
    state = state_of(file(), max_files=2, max_total_bytes=15)
    reserve(size=5).apply(state)
    with pytest.raises(QuotaExceeded):
        reserve("fs_8", size=0).apply(state)


def test_a_file_that_grew_beyond_its_reservation_and_the_quota_is_refused() -> None:
    state = state_of(file(state="pending", size=4), max_total_bytes=9)
    with pytest.raises(QuotaExceeded):
        commit(size=10).apply(state)
    assert counters(state) == (0, 0, 1, 4)
    assert state.events == []
    commit(size=9).apply(state)


def test_a_duplicate_is_refused_before_the_quota_is_asked() -> None:
    state = state_of(file("fs_1"), file("fs_2", "pending"), duplicate_policy="reject", max_total_bytes=1)
    with pytest.raises(DuplicateFile) as caught:
        commit("fs_2").apply(state)
    assert caught.value.file_id == "fs_1"


def test_duplicates_are_found_within_one_batch() -> None:
    state = state_of(file("fs_1", "pending"), file("fs_2", "pending"), duplicate_policy="reject")
    commit("fs_1").apply(state)
    with pytest.raises(DuplicateFile):
        commit("fs_2").apply(state)


def test_a_file_deleted_in_the_same_batch_is_no_duplicate_but_another_is() -> None:
    state = state_of(file("fs_1"), file("fs_2", "pending"), duplicate_policy="reject")
    DeleteFile(uuid4(), "fs_1").apply(state)
    commit("fs_2").apply(state)

    state = state_of(file("fs_0"), file("fs_1"), file("fs_2", "pending"), duplicate_policy="reject")
    DeleteFile(uuid4(), "fs_0").apply(state)
    with pytest.raises(DuplicateFile) as caught:
        commit("fs_2").apply(state)
    assert caught.value.file_id == "fs_1"


def test_giving_up_a_pending_file_gives_its_reservation_back() -> None:
    state = state_of(file(state="pending"))
    AbandonFile(uuid4(), "fs_1").apply(state)
    assert counters(state) == (0, 0, 0, 0)
    assert [row.id for row in state.removed] == ["fs_1"]


def test_giving_up_does_nothing_to_a_file_that_is_there_or_gone() -> None:
    state = state_of(file())
    AbandonFile(uuid4(), "fs_1").apply(state)
    AbandonFile(uuid4(), "fs_2").apply(state)
    assert counters(state) == (1, 10, 0, 0)
    assert state.removed == []


def test_a_pending_file_is_not_there_for_anyone() -> None:
    state = state_of(file(state="pending"))
    with pytest.raises(NotFound):
        UpdateFile(uuid4(), "fs_1", 1, {}).apply(state)
    with pytest.raises(NotFound):
        DeleteFile(uuid4(), "fs_1").apply(state)
    with pytest.raises(NotFound):
        commit("fs_2").apply(state)


def test_updating_merges_metadata_and_replaces_name_and_tags() -> None:
    state = state_of(file())
    patch = {"file_name": "b.txt", "tags": ["new"], "metadata": {"k": {"b": 2}, "n": None}}
    record = UpdateFile(uuid4(), "fs_1", 1, patch).apply(state)
    assert (record.file_name, record.tags, record.version) == ("b.txt", ["new"], 2)
    assert record.metadata == {"k": {"a": 1, "b": 2}}
    assert state.invalidations == {file_key(TENANT_ID, "fs_1"): 2}


def test_updating_with_null_takes_all_metadata_away_and_leaves_the_rest() -> None:
    record = UpdateFile(uuid4(), "fs_1", None, {"metadata": None}).apply(state_of(file()))
    assert (record.metadata, record.tags, record.file_name) == ({}, ["old"], "a.txt")


@pytest.mark.parametrize(
    ("version", "patch", "error"),
    [(2, {}, VersionConflict), (1, {"metadata": {"x": "\0"}}, InvalidFields), (1, {"file_name": "a.exe"}, Exception)],
)
def test_a_refused_update_changes_nothing(version: int, patch: dict[str, Any], error: type[Exception]) -> None:
    row = file()
    state = state_of(row, denied_extensions=[".exe"])
    with pytest.raises(error):
        UpdateFile(uuid4(), "fs_1", version, {"tags": ["new"]} | patch).apply(state)
    assert (row.version, row.tags, row.metadata_, state.invalidations) == (1, ["old"], {"k": {"a": 1}}, {})


def test_a_file_cannot_be_renamed_to_what_could_not_be_uploaded() -> None:
    row = file(file_name="old.exe")
    state = state_of(row, denied_extensions=[".exe", ".bat"])
    with pytest.raises(ExtensionNotAllowed):
        UpdateFile(uuid4(), "fs_1", 1, {"file_name": "new.bat"}).apply(state)
    # What it is called already it may be called on.
    assert UpdateFile(uuid4(), "fs_1", 1, {"file_name": "new.exe"}).apply(state).file_name == "new.exe"


def test_deleting_gives_files_and_bytes_back() -> None:
    state = state_of(file(), file("fs_2", size=3))
    DeleteFile(uuid4(), "fs_1").apply(state)
    assert counters(state) == (1, 3, 0, 0)
    assert state.invalidations == {file_key(TENANT_ID, "fs_1"): GONE}
    with pytest.raises(NotFound):
        DeleteFile(uuid4(), "fs_1").apply(state)


@pytest.mark.parametrize(
    "change",
    [
        reserve(),
        UpdateFile(uuid4(), "fs_1", 1, {}),
        UpdateFile(uuid4(), "fs_none", 1, {}),
        DeleteFile(uuid4(), "fs_1"),
        DeleteFile(uuid4(), "fs_none"),
        UpdateTenant(uuid4(), 1, {}, {}),
        UpdateTenant(uuid4(), 5, {}, {}),
    ],
    ids=lambda c: type(c).__name__,
)
def test_a_suspended_tenant_takes_no_change_whatever_else_is_wrong_with_it(change: Change[Any]) -> None:
    state = state_of(file())
    state.tenant.status = "suspended"
    with pytest.raises(TenantSuspended):
        change.apply(state)


def test_uploads_that_were_admitted_end_although_the_tenant_was_suspended() -> None:
    state = state_of(file(state="pending"), file("fs_2", "pending"))
    state.tenant.status = "suspended"
    commit("fs_1").apply(state)
    AbandonFile(uuid4(), "fs_2").apply(state)
    assert counters(state) == (1, 10, 0, 0)


def test_the_operator_configures_a_suspended_tenant() -> None:
    state = state_of()
    state.tenant.status = "suspended"
    assert UpdateTenant(uuid4(), 1, {"max_files": 3}, {}, by_operator=True).apply(state).version == 2


def test_a_tenant_is_suspended_and_resumed_each_as_a_new_version() -> None:
    state = state_of()
    for status, version in (("suspended", 2), ("active", 3)):
        record = SetTenantStatus(uuid4(), status).apply(state)  # type: ignore[arg-type] # one of the two
        assert (record.status, record.version) == (status, version)
        assert state.invalidations == {tenant_key("acme"): version}
        assert (state.events[-1].type, state.events[-1].data["status"]) == ("tenant.updated", status)


def test_a_tenant_that_is_suspended_already_is_not_changed() -> None:
    state = state_of()
    assert SetTenantStatus(uuid4(), "active").apply(state).version == 1
    assert (state.invalidations, state.events) == ({}, [])


def test_a_tenants_configuration_is_merged_and_only_what_was_set_is_stored() -> None:
    state = state_of(max_files=3, denied_extensions=[".exe"])
    change = UpdateTenant(uuid4(), 1, {"max_files": None, "archive": {"max_entries": 5}}, {"k": {"a": None}})
    record = change.apply(state)
    assert record.configuration == {"denied_extensions": [".exe"], "archive": {"max_entries": 5}}
    assert (record.metadata, record.version) == ({"k": {}}, 2)
    assert state.invalidations == {tenant_key("acme"): 2}


def test_null_takes_a_tenants_configuration_and_metadata_back_to_nothing() -> None:
    record = UpdateTenant(uuid4(), None, None, None).apply(state_of(max_files=3))
    assert (record.configuration, record.metadata) == ({}, {})


@pytest.mark.parametrize(
    ("version", "configuration", "metadata", "error"),
    [
        (2, {}, {}, VersionConflict),
        (1, {"max_files": 0}, {}, InvalidFields),
        (1, {"unknown": 1}, {}, InvalidFields),
        (1, {"max_files": 5}, {"x": "\0"}, InvalidFields),
    ],
)
def test_a_refused_change_of_a_tenant_changes_nothing(
    version: int, configuration: dict[str, Any], metadata: dict[str, Any], error: type[Exception]
) -> None:
    state = state_of(max_files=3)
    with pytest.raises(error):
        UpdateTenant(uuid4(), version, configuration, metadata).apply(state)
    tenant = state.tenant
    assert (tenant.version, tenant.configuration, tenant.metadata_) == (1, {"max_files": 3}, {"k": {"a": 1}})


def test_a_bad_configuration_is_named_with_pointers() -> None:
    with pytest.raises(InvalidFields) as caught:
        UpdateTenant(uuid4(), 1, {"archive": {"max_entries": "x"}}, {}).apply(state_of())
    assert [pointer for pointer, _ in caught.value.fields] == ["/configuration/archive/max_entries"]


def test_a_remembered_answer_comes_back_and_is_announced_again() -> None:
    """Whoever gave the answer may have died between its commit and the invalidation."""
    state = state_of(file(), file("fs_2"))
    update, deletion = UpdateFile(uuid4(), "fs_1", 1, {"tags": ["x"]}), DeleteFile(uuid4(), "fs_2")
    tenant_update = UpdateTenant(uuid4(), 1, {"max_files": 9}, {})
    record, tenant = update.apply(state), tenant_update.apply(state)
    deletion.apply(state)
    announced = dict(state.invalidations)

    again = state_of()
    assert update.recall(update.remember(record), again) == record
    assert tenant_update.recall(tenant_update.remember(tenant), again) == tenant
    outcome = deletion.remember(None)
    deletion.recall(outcome, again)
    assert again.invalidations == announced
    assert isinstance(record, FileRecord)
    assert isinstance(tenant, TenantRecord)


def test_a_recalled_answer_does_not_announce_less_than_is_known() -> None:
    state = state_of(file())
    update = UpdateFile(uuid4(), "fs_1", 1, {})
    outcome = update.remember(update.apply(state))
    UpdateFile(uuid4(), "fs_1", 2, {}).apply(state)
    update.recall(outcome, state)
    assert state.invalidations == {file_key(TENANT_ID, "fs_1"): 3}


def test_deleting_a_tenant_names_its_operation() -> None:
    state = state_of()
    assert DeleteTenant(uuid4(), "op_1").apply(state) == "op_1"
    assert state.deletion == "op_1"


def test_a_kind_of_change_says_all_that_it_does() -> None:
    bare: Change[None] = Change(uuid4())
    assert (bare.names_file, bare.names_bytes, bare.remembered) == (None, None, False)
    with pytest.raises(NotImplementedError):
        bare.apply(state_of())
    with pytest.raises(NotImplementedError):
        bare.remember(None)
    with pytest.raises(NotImplementedError):
        bare.recall({}, state_of())
