"""Checks find what is wrong and nothing else; repairs lose nothing and touch only what is still so."""

import asyncio
import io
import os
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from actors.tenant_changes import DeleteFile
from actors.upload_changes import ReserveFile
from storage.files_on_disk import copy_of
from storage.fsck import rows as rows_module
from storage.fsck import volume as volume_module
from storage.fsck.check import Check, NotAVolume, Scope
from storage.fsck.findings import Checked, Finding
from storage.fsck.repair import MAX_ITEMS, Outcome, Repair, TooMuchToRepair
from storage.fsck.report import NotAReport, Report, ReportWriter
from storage.fsck.volume import Volume
from storage.identifiers import new_id
from tests.file_service import FileService, SampleTenant, file_service
from tests.resumable_client import begun

NOW = timedelta(0)
AN_HOUR = timedelta(hours=1)


@pytest.fixture
async def service(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[FileService]:
    """A volume of its own; of the database, which others use too, only the tenants made here are looked at."""
    async with file_service(tmp_path / "files", database_url, redis_url) as running:
        yield running


@pytest.fixture
def base(service: FileService) -> Path:
    return service.services.disk.base


async def execute(service: FileService, statement: str, **values: Any) -> None:
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(text(statement), values)


async def check(tenant: SampleTenant, grace: timedelta = NOW, *, hashes: bool = False) -> list[Finding]:
    """What is wrong with one tenant."""
    services = tenant.service.services
    checking = Check(services.database, services.disk, Scope(grace, hashes, tenant.code))
    return [finding async for finding in checking.findings()]


async def check_volume(service: FileService, grace: timedelta = NOW) -> list[Finding]:
    """What belongs to nobody."""
    checking = Check(service.services.database, service.services.disk, Scope(grace))
    found = [finding async for finding in checking.findings()]
    return [finding for finding in found if finding.kind in {"folder-without-tenant", "trash-left"}]


async def report_of(findings: list[Finding], tmp_path: Path, items: int = 10_000) -> Report:
    """By way of a file, as an operator has it."""
    out = io.StringIO()
    writer = ReportWriter(out, Scope(NOW))
    for finding in findings:
        writer.add(finding)
    checked = Checked(tenants=1, rows=items, files=1)
    writer.end(Counter(finding.kind for finding in findings), checked)
    path = tmp_path / "report.json"
    path.write_text(out.getvalue())
    return Report.read(path)


async def repair(
    service: FileService, findings: list[Finding], tmp_path: Path, grace: timedelta = NOW
) -> list[Outcome]:
    report = await report_of(findings, tmp_path)
    repairing = Repair(service.services.database, service.services.disk, grace)
    return [outcome async for outcome in repairing.run(report)]


def kinds(findings: list[Finding]) -> list[str]:
    return [finding.kind for finding in findings]


async def test_nothing_is_found_where_nothing_is_wrong(tenant: SampleTenant) -> None:
    for number in range(3):
        await tenant.stored(b"x" * number, f"{number}.txt")
    assert await check(tenant, hashes=True) == []


async def test_bytes_that_are_lost_or_damaged_are_found_and_left_to_the_operator(
    tenant: SampleTenant, base: Path, tmp_path: Path
) -> None:
    lost, short, other, folder = [await tenant.stored(b"some text") for _ in range(4)]
    (base / lost["storage_path"]).unlink()
    (base / short["storage_path"]).write_bytes(b"some")
    (base / other["storage_path"]).write_bytes(b"same size")
    (base / folder["storage_path"]).unlink()
    (base / folder["storage_path"]).mkdir()
    found = {
        finding.id: finding
        for finding in await check(tenant)
        if finding.id in (lost["id"], short["id"], other["id"], folder["id"])
    }
    assert {file_id: finding.kind for file_id, finding in found.items()} == {
        lost["id"]: "missing-bytes",
        short["id"]: "size-differs",
        folder["id"]: "missing-bytes",
    }
    assert found[lost["id"]].expected == {"size": 9, "sha256": lost["sha256"]}
    assert (found[short["id"]].expected, found[short["id"]].found) == ({"size": 9}, {"size": 4})
    with_hashes = {finding.id: finding for finding in await check(tenant, hashes=True)}
    assert with_hashes[other["id"]].kind == "hash-differs"
    assert with_hashes[other["id"]].expected == {"sha256": other["sha256"]}

    outcomes = await repair(tenant.service, list(with_hashes.values()), tmp_path)
    assert {outcome.state for outcome in outcomes} == {"left"}
    assert (await tenant.request("GET", f"/files/{lost['id']}")).status_code == 200


async def test_bytes_that_cannot_be_read_are_found_by_hashing(
    tenant: SampleTenant, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await tenant.stored()
    opened = Path.open

    def fails(path: Path, *args: Any, **options: Any) -> Any:
        if path == base / file["storage_path"]:
            raise OSError(5, "Input/output error")
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", fails)
    (finding,) = await check(tenant, hashes=True)
    assert (finding.kind, finding.found) == ("unreadable-bytes", {"error": "EIO"})


async def test_a_file_that_is_deleted_while_it_is_hashed_is_no_finding(
    tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes are there when sizes are compared, and gone when they are to be read."""
    file = await tenant.stored()
    sha256 = Volume.sha256

    async def deleted_first(volume: Volume, path: str) -> str | None:
        assert (await tenant.request("DELETE", f"/files/{file['id']}")).status_code == 204
        return await sha256(volume, path)

    monkeypatch.setattr(Volume, "sha256", deleted_first)
    assert await check(tenant, AN_HOUR, hashes=True) == []


async def test_a_file_that_is_deleted_between_its_row_and_its_bytes_is_no_finding(
    tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await tenant.stored()
    look = Volume.look

    async def deleted_first(volume: Volume, paths: list[str]) -> Any:
        if file["storage_path"] in paths:
            await tenant.service.hosting.call(tenant.code, DeleteFile(uuid4(), file["id"]))
        return await look(volume, paths)

    monkeypatch.setattr(Volume, "look", deleted_first)
    assert await check(tenant, AN_HOUR) == []


async def test_bytes_without_a_row_are_put_aside_whole(tenant: SampleTenant, base: Path, tmp_path: Path) -> None:
    kept = await tenant.stored()
    month = (base / kept["storage_path"]).parent
    (month / f"{new_id('fs')}.txt").write_bytes(b"left")
    (month.parent / "notes").mkdir()
    (month.parent / "notes" / "a").write_bytes(b"one")
    (month.parent / "notes" / "b").write_bytes(b"two")
    found = await check(tenant)
    assert kinds(found) == ["bytes-without-row"] * 2
    assert sorted(finding.items for finding in found) == [1, 2]
    assert await check(tenant, AN_HOUR) == []

    outcomes = await repair(tenant.service, found, tmp_path)
    assert {outcome.state for outcome in outcomes} == {"repaired"}
    assert {(base / outcome.aside).is_dir() for outcome in outcomes} == {True, False}
    assert sorted(path.read_bytes() for path in (base / "lost+found").rglob("*") if path.is_file()) == [
        b"left",
        b"one",
        b"two",
    ]
    assert await check(tenant) == []
    again = await repair(tenant.service, found, tmp_path)
    assert {outcome.state for outcome in again} == {"not-true"}


async def test_bytes_whose_row_comes_while_they_are_looked_at_stay(
    tenant: SampleTenant, base: Path, tmp_path: Path
) -> None:
    """The report is old: meanwhile somebody brought the row back."""
    file = await tenant.stored()
    finding = Finding("bytes-without-row", tenant.code, file["storage_path"], file["id"])
    (outcome,) = await repair(tenant.service, [finding], tmp_path)
    assert outcome.state == "not-true"
    assert (base / file["storage_path"]).exists()


async def test_young_bytes_are_not_put_aside(tenant: SampleTenant, base: Path, tmp_path: Path) -> None:
    (base / tenant.code / "left").write_bytes(b"left")
    found = await check(tenant)
    (outcome,) = await repair(tenant.service, found, tmp_path, AN_HOUR)
    assert outcome.state == "not-true"
    assert (base / tenant.code / "left").exists()


async def test_bytes_that_a_removal_names_are_not_left_over(tenant: SampleTenant, base: Path) -> None:
    file_id = new_id("fs")
    path = f"{tenant.code}/2026-01/{file_id}.txt"
    (base / path).parent.mkdir()
    (base / path).write_bytes(b"x")
    (base / ".incoming" / tenant.code / file_id).write_bytes(b"x")
    await execute(tenant.service, "INSERT INTO removals (storage_path) VALUES (:path)", path=path)
    (finding,) = await check(tenant)
    assert (finding.kind, finding.path, finding.tenant) == ("removal-pending", path, tenant.code)
    assert await check(tenant, AN_HOUR) == []


async def test_incoming_bytes_of_no_upload_are_put_aside(tenant: SampleTenant, base: Path, tmp_path: Path) -> None:
    left = base / ".incoming" / tenant.code / new_id("fs")
    left.write_bytes(b"half")
    (finding,) = await check(tenant)
    assert (finding.kind, finding.items, finding.found["size"]) == ("incoming-left", 1, 4)
    (outcome,) = await repair(tenant.service, [finding], tmp_path)
    assert (base / outcome.aside).read_bytes() == b"half"
    assert not left.exists()


async def test_an_upload_that_is_dead_is_found_and_one_that_goes_on_is_not(tenant: SampleTenant, base: Path) -> None:
    dead, alive = new_id("fs"), new_id("fs")
    for file_id in (dead, alive):
        change = ReserveFile(uuid4(), file_id, "a.txt", "text/plain", ".txt", 9)
        await tenant.service.hosting.call(tenant.code, change)
    await execute(
        tenant.service,
        "UPDATE files SET time_created = time_created - interval '2 hours' WHERE id IN (:dead, :alive)",
        dead=dead,
        alive=alive,
    )
    (base / ".incoming" / tenant.code / alive).write_bytes(b"still coming")
    (finding,) = await check(tenant, AN_HOUR)
    assert (finding.kind, finding.id) == ("upload-expired", dead)


async def test_an_upload_in_pieces_is_not_dead_before_its_time(tenant: SampleTenant, base: Path) -> None:
    """Its next piece may come after a day, and a copy of its bytes be in the making."""
    upload = await begun(tenant, 9)
    await upload.send(b"some ", 0)
    (incoming,) = (base / ".incoming" / tenant.code).iterdir()
    copy_of(incoming).write_bytes(b"some")
    assert await check(tenant) == []
    await execute(tenant.service, "UPDATE resumable_uploads SET time_expires = now() WHERE id = :id", id=upload.id)
    (finding,) = await check(tenant)
    assert (finding.kind, finding.id) == ("upload-expired", incoming.name)


async def test_an_upload_that_may_still_go_on_is_not_expired_however_old_it_is(tenant: SampleTenant) -> None:
    """One that comes in pieces lives until the time that it says."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": "filename YS50eHQ="}
    assert (await tenant.request("POST", "/uploads", headers=headers)).status_code == 201
    code, of_tenant = tenant.code, "WHERE tenant_id = (SELECT _id FROM tenants WHERE code = :code)"
    older = f"UPDATE files SET time_created = time_created - interval '2 hours' {of_tenant}"  # noqa: S608 - our own
    expired = f"UPDATE resumable_uploads SET time_expires = now() {of_tenant}"  # noqa: S608 - our own
    await execute(tenant.service, older, code=code)
    assert await check(tenant, AN_HOUR) == []
    await execute(tenant.service, expired, code=code)
    assert kinds(await check(tenant, AN_HOUR)) == ["upload-expired"]


async def test_folders_of_no_tenant_are_put_aside_and_a_retired_one_too(
    service: FileService, base: Path, tmp_path: Path
) -> None:
    (base / "nobody" / "2026-01").mkdir(parents=True)
    (base / "nobody" / "2026-01" / "a").write_bytes(b"a")
    (base / "nobody" / "2026-01" / "b").write_bytes(b"b")
    (base / ".incoming" / "nobody").mkdir()
    (base / "Not-A-Code").mkdir()
    (base / "a-file").write_bytes(b"")
    found = await check_volume(service)
    assert {(finding.kind, finding.path, finding.items) for finding in found} == {
        ("folder-without-tenant", "nobody", 2),
        ("folder-without-tenant", ".incoming/nobody", 1),
    }
    assert await check_volume(service, AN_HOUR) == []
    outcomes = await repair(service, found, tmp_path)
    assert [outcome.state for outcome in outcomes] == ["repaired", "repaired"]
    assert await check_volume(service) == []
    assert (base / outcomes[0].aside / "2026-01" / "a").read_bytes() == b"a"


async def test_the_folder_of_a_tenant_is_never_put_aside(tenant: SampleTenant, base: Path, tmp_path: Path) -> None:
    findings = [
        Finding("folder-without-tenant", tenant.code, tenant.code),
        Finding("folder-without-tenant", "nobody", tenant.code),
        Finding("bytes-without-row", tenant.code, tenant.code),
    ]
    outcomes = await repair(tenant.service, findings, tmp_path)
    assert {outcome.state for outcome in outcomes} == {"not-true"}
    assert (base / tenant.code).is_dir()


async def test_a_tenant_without_folders_gets_them_back(tenant: SampleTenant, base: Path, tmp_path: Path) -> None:
    (base / tenant.code).rmdir()
    (base / ".incoming" / tenant.code).rmdir()
    found = await check(tenant)
    assert [(finding.kind, finding.path) for finding in found] == [
        ("tenant-without-folder", tenant.code),
        ("tenant-without-folder", f".incoming/{tenant.code}"),
    ]
    outcomes = await repair(tenant.service, found, tmp_path)
    # The first makes both.
    assert [outcome.state for outcome in outcomes] == ["repaired", "not-true"]
    await tenant.stored()


async def test_a_tenant_that_is_being_deleted_has_no_findings_but_its_deletion(
    tenant: SampleTenant, tmp_path: Path
) -> None:
    operation = new_id("op")
    await tenant.stored()
    await execute(tenant.service, "UPDATE tenants SET status = 'deleting' WHERE code = :code", code=tenant.code)
    await execute(
        tenant.service,
        "INSERT INTO operations (id, kind, tenant_id, tenant_code) "
        "SELECT :id, 'tenant-deletion', _id, code FROM tenants WHERE code = :code",
        id=operation,
        code=tenant.code,
    )
    (finding,) = await check(tenant)
    assert (finding.kind, finding.id) == ("deletion-unfinished", operation)
    assert await check_volume(tenant.service) == []
    stale = [Finding(kind, tenant.code, tenant.code) for kind in ("tenant-without-folder", "counters-differ")]
    stale.append(Finding("bytes-without-row", tenant.code, f"{tenant.code}/x"))
    outcomes = await repair(tenant.service, stale, tmp_path)
    assert {outcome.state for outcome in outcomes} == {"not-true"}


async def test_trash_of_no_deletion_is_put_aside(tenant: SampleTenant, base: Path, tmp_path: Path) -> None:
    running, left = new_id("op"), new_id("op")
    await execute(
        tenant.service,
        "INSERT INTO operations (id, kind, tenant_id, tenant_code) VALUES (:id, 'tenant-deletion', :tenant, 'gone')",
        id=running,
        tenant=uuid4(),
    )
    for name in (running, left):
        (base / ".trash" / name / "files").mkdir(parents=True)
        (base / ".trash" / name / "files" / "a").write_bytes(b"a")
    (finding,) = await check_volume(tenant.service)
    assert (finding.kind, finding.path, finding.items) == ("trash-left", f".trash/{left}", 1)
    (outcome,) = await repair(tenant.service, [finding], tmp_path)
    assert (base / outcome.aside / "files" / "a").read_bytes() == b"a"
    assert (base / ".trash" / running).is_dir()
    await execute(tenant.service, "DELETE FROM operations WHERE id = :id", id=running)


async def test_counters_are_counted_again_and_the_active_actor_hears_of_it(
    tenant: SampleTenant, tmp_path: Path
) -> None:
    await tenant.stored(b"123")
    await execute(
        tenant.service,
        "UPDATE tenants SET file_count = 7, total_bytes = 0, reserved_files = 1, reserved_bytes = 5 WHERE code = :code",
        code=tenant.code,
    )
    (finding,) = await check(tenant)
    assert finding.kind == "counters-differ"
    assert finding.expected == {"file_count": 1, "total_bytes": 3, "reserved_files": 0, "reserved_bytes": 0}
    assert finding.found == {"file_count": 7, "total_bytes": 0, "reserved_files": 1, "reserved_bytes": 5}
    outcomes = await repair(tenant.service, [finding, finding], tmp_path)
    assert [outcome.state for outcome in outcomes] == ["repaired", "not-true"]
    await tenant.stored(b"45")
    assert await check(tenant) == []
    stats = await tenant.stats()
    assert (stats["file_count"], stats["total_bytes"], stats["reserved_bytes"]) == (2, 5, 0)


@pytest.mark.parametrize(
    "path",
    [
        "../outside",
        "{code}/../../outside",
        "/etc/passwd",
        "{code}//x",
        "{code}",
        "other/2026-01/x",
        ".incoming/{code}/x",
    ],
)
async def test_a_report_cannot_name_what_lies_elsewhere(
    tenant: SampleTenant, base: Path, tmp_path: Path, path: str
) -> None:
    outside = base.parent / "outside"
    outside.write_bytes(b"x")
    (base / ".incoming" / tenant.code / "x").write_bytes(b"x")
    finding = Finding("bytes-without-row", tenant.code, path.format(code=tenant.code))
    (outcome,) = await repair(tenant.service, [finding], tmp_path)
    assert outcome.state == "not-true"
    assert outside.exists()
    assert (base / ".incoming" / tenant.code / "x").exists()


async def test_what_was_put_aside_is_never_replaced(tenant: SampleTenant, base: Path) -> None:
    volume = Volume(base)
    for content in (b"first", b"second"):
        (base / tenant.code / "left").write_bytes(content)
        if content == b"first":
            aside = await volume.put_aside(f"{tenant.code}/left", "drawer")
        else:
            with pytest.raises(FileExistsError):
                await volume.put_aside(f"{tenant.code}/left", "drawer")
    assert (base / aside).read_bytes() == b"first"
    assert (base / tenant.code / "left").read_bytes() == b"second"


@pytest.mark.parametrize(
    ("items", "affected", "accepted", "refused"),
    [
        (100, 1, None, False),
        (99, 1, None, True),
        (99, 1, 1, False),
        (99, 2, 1, True),
        (10**9, MAX_ITEMS, None, False),
        (10**9, MAX_ITEMS + 1, None, True),
        (10**9, MAX_ITEMS + 1, MAX_ITEMS + 1, False),
    ],
)
async def test_a_repair_of_much_must_be_asked_for_explicitly(
    service: FileService, tmp_path: Path, items: int, affected: int, accepted: int | None, *, refused: bool
) -> None:
    finding = Finding("folder-without-tenant", "nobody", "nobody", items=affected)
    report = await report_of([finding, Finding("missing-bytes")], tmp_path, items)
    outcomes = Repair(service.services.database, service.services.disk, NOW).run(report, accepted)
    if refused:
        with pytest.raises(TooMuchToRepair, match=f"{affected} items of {items}"):
            await anext(outcomes)
    else:
        assert (await anext(outcomes)).state == "not-true"


async def test_a_volume_that_is_not_mounted_is_not_taken_for_an_empty_one(service: FileService, tmp_path: Path) -> None:
    disk = type(service.services.disk)(tmp_path / "elsewhere")
    with pytest.raises(NotAVolume, match="mounted"):
        await anext(Check(service.services.database, disk, Scope(NOW)).findings())


@pytest.mark.parametrize("content", ["", "{}", '{"schema": "muniment.fsck/1", "findings": [', '{"schema": "other/1"}'])
def test_a_report_that_is_not_whole_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(NotAReport, match="report"):
        Report.read(path)


async def test_pages_and_batches_join_without_a_gap(
    tenant: SampleTenant, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "PAGE", 2)
    monkeypatch.setattr(volume_module, "BATCH", 2)
    files = [await tenant.stored(bytes([number])) for number in range(5)]
    assert await check(tenant, hashes=True) == []
    for file in files:
        (base / file["storage_path"]).rename(base / tenant.code / file["id"])
    found = await check(tenant)
    assert Counter(kinds(found)) == {"missing-bytes": 5, "bytes-without-row": 5}


async def test_a_running_service_gives_no_false_findings(tenant: SampleTenant) -> None:
    """Files come, change and go while a check with hashes follows another."""
    stop = asyncio.Event()

    async def client() -> None:
        while not stop.is_set():
            file = await tenant.stored(os.urandom(100), "a.bin", media_type="application/octet-stream")
            await tenant.patch(f"/files/{file['id']}", {"tags": ["x"]}, '"m1"')
            await tenant.request("DELETE", f"/files/{file['id']}")

    clients = [asyncio.create_task(client()) for _ in range(4)]
    found = [finding for _ in range(20) for finding in await check(tenant, AN_HOUR, hashes=True)]
    stop.set()
    await asyncio.gather(*clients)
    assert found == []
