"""Records come back from JSON as they went in."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from storage.models import File
from storage.records import FileRecord, KeyRecord, TenantRecord, _plain

NOW = datetime(2025, 2, 3, 4, 5, 6, 789, UTC)
TENANT = TenantRecord(uuid4(), "acme", "active", {"max_files": 3}, {"k": [1, None, "ä"]}, 7, NOW)
FILE = FileRecord(
    "fs_1", uuid4(), "a.txt", 3, "text/plain", "", ".txt", NOW, ["t"], {"n": 1e20}, "ab", "acme/2025-02/fs_1.txt", 2
)


def test_a_tenant_comes_back_from_json() -> None:
    assert TenantRecord.from_json(TENANT.to_json()) == TENANT
    assert TenantRecord.from_fields(TENANT.to_fields()) == TENANT


def test_a_tenants_rules_have_their_defaults() -> None:
    assert TENANT.rules.max_files == 3
    assert TENANT.rules.archive.max_nesting_depth == 3


def test_a_file_comes_back_from_json() -> None:
    assert FileRecord.from_json(FILE.to_json()) == FILE
    assert FileRecord.from_fields(FILE.to_fields()) == FILE


def test_a_record_is_not_changed_with_its_row() -> None:
    row = File(id="fs_1", tenant_id=uuid4(), tags=["a"], metadata_={"k": 1}, sha256=None)
    record = FileRecord.of(row)
    row.tags.append("b")
    row.metadata_["k"] = 2
    assert (record.tags, record.metadata, record.sha256) == (["a"], {"k": 1}, "")


@pytest.mark.parametrize("time_expires", [None, NOW])
def test_a_key_comes_back_from_json(time_expires: datetime | None) -> None:
    key = KeyRecord("k", uuid4(), "acme", "00ff", frozenset({"files:read", "files:write"}), time_expires, 1.5)
    assert KeyRecord.from_json(key.to_json()) == key


def test_other_values_have_no_place_in_a_record() -> None:
    with pytest.raises(TypeError):
        _plain(object())
