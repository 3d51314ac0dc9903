"""The end of a tenant: gone at once, then emptied step by step, and nothing of it ever comes back."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from actors.tenant_changes import Change, DeleteTenant
from actors.upload_changes import CommitFile, ReserveFile
from muniment.local.ports import free_port
from storage import tenant_crud, tenant_purge
from storage.cache import Cache, Versioned
from storage.cache_keys import file_key
from storage.errors import NotFound, Unavailable
from storage.identifiers import new_id
from storage.tenant_purge import TenantPurge
from tests.extraction_rows import Rows
from tests.file_service import FileService, SampleTenant, left_of

WAIT = {"Prefer": "wait=60"}
TEXT = {"Content-Disposition": "attachment; filename=a.txt", "Content-Type": "text/plain"}


async def tenant_id_of(tenant: SampleTenant) -> str:
    found: str = (await tenant.service.http.get(tenant.path)).json()["id"]
    return found


async def test_a_deletion_is_an_operation_that_ends_with_nothing_left(
    service: FileService, tenant: SampleTenant
) -> None:
    tenant_id = await tenant_id_of(tenant)
    files = [await tenant.stored(b"%d" % number) for number in range(5)]
    for file in files:
        await tenant.request("GET", f"/files/{file['id']}")
    answer = await service.http.delete(tenant.path)
    operation = answer.json()

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/operations/{operation['id']}"
    assert answer.headers["retry-after"]
    assert (operation["kind"], operation["progress"]["files_total"]) == ("tenant-deletion", 5)
    # Gone for everyone, whether or not its bytes are.
    for method, path in (("GET", ""), ("GET", "/files"), ("DELETE", ""), ("POST", "/files"), ("GET", "/api-keys")):
        gone = await service.http.request(method, tenant.path + path)
        assert (gone.status_code, gone.json()["code"]) == (404, "not-found")
        assert "tenant" in gone.json()["detail"]
        assert (await tenant.request(method, path)).status_code == 401

    await asyncio.gather(*service.hosting._purges)
    ended = (await service.http.get(answer.headers["location"])).json()
    assert ended["state"] == "succeeded"
    assert (ended["result"]["rows_left"], ended["result"]["bytes_left"]) == (0, 0)
    assert (ended["progress"]["files_total"], ended["progress"]["files_removed"]) == (5, 5)
    assert ended["progress"]["rows_removed"] >= 5
    assert ended["result"]["cache_entries_removed"] >= 5
    assert await left_of(service, tenant_id, tenant.code) == {}


async def test_whoever_waits_gets_the_finished_operation(service: FileService, tenant: SampleTenant) -> None:
    answer = await service.http.delete(tenant.path, headers=WAIT)
    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
    assert answer.headers["preference-applied"] == "wait=60"
    assert (await service.http.get(answer.headers["location"])).json() == answer.json()


async def test_whoever_waits_too_short_gets_the_running_operation(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> bool:
        return False

    monkeypatch.setattr(TenantPurge, "run", never)
    answer = await service.http.delete(tenant.path, headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["state"], answer.json()["result"]) == (202, "running", None)
    assert "preference-applied" not in answer.headers


async def test_a_code_is_never_used_twice(service: FileService, tenant: SampleTenant) -> None:
    await service.http.delete(tenant.path, headers=WAIT)
    answer = await service.http.post("/v1/tenants", json={"code": tenant.code})
    assert (answer.status_code, answer.json()["code"]) == (409, "tenant-code-retired")
    assert not (service.services.disk.base / tenant.code).exists()


async def test_a_code_is_retired_from_the_first_moment(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> bool:
        return False

    monkeypatch.setattr(TenantPurge, "run", never)
    await service.http.delete(tenant.path)
    answer = await service.http.post("/v1/tenants", json={"code": tenant.code})
    assert (answer.status_code, answer.json()["code"]) == (409, "tenant-code-retired")


async def test_of_many_who_delete_a_tenant_one_has_done_it(service: FileService, tenant: SampleTenant) -> None:
    answers = await asyncio.gather(*(service.http.delete(tenant.path, headers=WAIT) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 9


async def test_a_tenant_that_is_not_there_cannot_be_deleted(service: FileService) -> None:
    for path in ("/v1/tenants/no-such-tenant", "/v1/tenants/%00", "/v1/tenants/A"):
        assert (await service.http.delete(path)).status_code == 404


@pytest.mark.parametrize("operation_id", ["x", "%00", "op_" + "0" * 25, "%ff"])
async def test_an_operation_that_is_none_is_not_found(service: FileService, operation_id: str) -> None:
    answer = await service.http.get(f"/v1/operations/{operation_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_deletion_whose_answer_was_lost_is_recognised(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host dies after its commit; the call is sent again, and the next host says that there is no such tenant."""
    original = service.services.tenants.call

    async def answered_by_the_second(record: Any, change: Change[Any]) -> Any:
        if isinstance(change, DeleteTenant):
            await original(record, change)
            # What the first host did not come to.
            await service.services.cache._redis.set(f"tenant:{tenant.code}", b"1:" + record.to_json())
        return await original(record, change)

    monkeypatch.setattr(service.services.tenants, "call", answered_by_the_second)
    answer = await service.http.delete(tenant.path)
    assert answer.status_code == 202
    assert (await service.http.get(tenant.path)).status_code == 404


class Held:
    """An upload that stops at one step of its way until the test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def here(self) -> None:
        self.reached.set()
        await self.go_on.wait()


def hold_calls(service: FileService, held: Held, kind: type[Change[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    original = service.services.tenants.call

    async def call(record: Any, change: Change[Any]) -> Any:
        if isinstance(change, kind):
            await held.here()
        return await original(record, change)

    monkeypatch.setattr(service.services.tenants, "call", call)


def hold_disk(
    service: FileService, held: Held, step: str, monkeypatch: pytest.MonkeyPatch, *, after: bool = False
) -> None:
    original = getattr(service.services.disk, step)

    async def work(*arguments: Any) -> Any:
        if not after:
            await held.here()
        answer = await original(*arguments)
        if after:
            await held.here()
        return answer

    monkeypatch.setattr(service.services.disk, step, work)


STEPS = [
    "before the row",
    "before the bytes",
    "amid the bytes",
    "after the bytes",
    "before the rename",
    "before the commit",
]


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("step", STEPS)
async def test_an_upload_that_is_under_way_when_its_tenant_goes_ends_as_not_found_and_leaves_nothing(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    tenant_id, held = await tenant_id_of(tenant), Held()
    await tenant.stored(b"there before")
    hold = {
        "before the row": lambda: hold_calls(service, held, ReserveFile, monkeypatch),
        "before the bytes": lambda: hold_disk(service, held, "receive", monkeypatch),
        "amid the bytes": lambda: None,
        "after the bytes": lambda: hold_disk(service, held, "receive", monkeypatch, after=True),
        "before the rename": lambda: hold_disk(service, held, "keep", monkeypatch),
        "before the commit": lambda: hold_calls(service, held, CommitFile, monkeypatch),
    }
    hold[step]()

    async def content() -> AsyncIterator[bytes]:
        yield b"some "
        if step == "amid the bytes":
            await held.here()
        yield b"text"

    upload = asyncio.create_task(tenant.request("POST", "/files", content=content(), headers=TEXT))
    await held.reached.wait()
    deletion = await service.http.delete(tenant.path, headers=WAIT)
    assert deletion.json()["state"] == "succeeded"
    held.go_on.set()
    answer = await upload
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), answer.text
    assert await left_of(service, tenant_id, tenant.code) == {}


async def test_an_archive_that_is_looked_through_when_its_tenant_goes_is_not_found(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id, held, archive = await tenant_id_of(tenant), Held(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("a.txt", "text")
    hold_disk(service, held, "receive", monkeypatch, after=True)
    upload = asyncio.create_task(tenant.upload(archive.getvalue(), "a.zip", "application/zip"))
    await held.reached.wait()
    await service.http.delete(tenant.path, headers=WAIT)
    held.go_on.set()
    assert (await upload).status_code == 404
    assert await left_of(service, tenant_id, tenant.code) == {}


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("step", ["amid the bytes", "before the commit"])
async def test_an_idempotent_upload_ends_as_not_found_too(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    tenant_id, held = await tenant_id_of(tenant), Held()
    if step == "before the commit":
        hold_calls(service, held, CommitFile, monkeypatch)

    async def content() -> AsyncIterator[bytes]:
        yield b"some "
        if step == "amid the bytes":
            await held.here()

    headers = TEXT | {"Idempotency-Key": "one"}
    upload = asyncio.create_task(tenant.request("POST", "/files", content=content(), headers=headers))
    await held.reached.wait()
    await service.http.delete(tenant.path, headers=WAIT)
    held.go_on.set()
    assert (await upload).status_code == 404
    assert await left_of(service, tenant_id, tenant.code) == {}


async def test_rows_that_come_too_late_are_not_found_either(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race: the caller is known, then the tenant goes, then a row is to be written that refers to it."""
    held = Held()
    original = tenant_crud.add_key

    async def add_key(*arguments: Any) -> Any:
        await held.here()
        return await original(*arguments)

    monkeypatch.setattr(tenant_crud, "add_key", add_key)
    # The operator's: a tenant's own key would hold the tenant until its row is written.
    late = asyncio.create_task(service.http.post(f"{tenant.path}/api-keys", json={"scopes": ["files:read"]}))
    await held.reached.wait()
    await service.http.delete(tenant.path, headers=WAIT)
    held.go_on.set()
    answer = await late
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_tenant_that_goes_while_it_is_read_is_not_found(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race: the caller is known from the cache, then the tenant goes, then its row is read."""
    original = tenant_crud.find
    await tenant.request("GET", "")
    held = Held()

    async def find(*arguments: Any) -> Any:
        await held.here()
        return await original(*arguments)

    monkeypatch.setattr(tenant_crud, "find", find)
    early = asyncio.create_task(tenant.request("GET", ""))
    await held.reached.wait()
    monkeypatch.setattr(tenant_crud, "find", original)
    await service.http.delete(tenant.path, headers=WAIT)
    held.go_on.set()
    assert (await early).status_code == 404
    async with service.services.database.reading_across_tenants() as session:
        with pytest.raises(NotFound):
            await tenant_crud.stats(session, uuid4())


async def operation_of(service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch) -> str:
    """A deletion whose purge has not begun."""
    original = TenantPurge.run

    async def never(*_: Any) -> bool:
        return False

    monkeypatch.setattr(TenantPurge, "run", never)
    operation: str = (await service.http.delete(tenant.path)).json()["id"]
    await asyncio.gather(*service.hosting._purges)
    monkeypatch.setattr(TenantPurge, "run", original)
    return operation


PURGE_STEPS = ["detach_tenant", "_remove_some", "after _remove_some", "empty_trash", "forget_tenant", "bytes_left"]


@pytest.mark.parametrize("step", PURGE_STEPS)
async def test_a_purge_that_is_interrupted_anywhere_is_finished_by_the_next(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(tenant_purge, "BATCH", 2)
    tenant_id = await tenant_id_of(tenant)
    for number in range(5):
        await tenant.stored(b"%d" % number)
    operation = await operation_of(service, tenant, monkeypatch)
    services = service.services
    purge = TenantPurge(services.database, services.cache, services.disk)
    owner: Any = {"forget_tenant": services.cache}.get(step, services.disk)
    if "_remove_some" in step:
        owner = purge
    name = step.removeprefix("after ")
    original, calls = getattr(owner, name), 0

    async def interrupted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if step.startswith("after "):
            await original(*arguments)
        if calls == 1:
            raise Unavailable("it")
        return await original(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, interrupted)
        with pytest.raises(Unavailable):
            await purge.run(operation)
    assert (await service.http.get(f"/v1/operations/{operation}")).json()["state"] == "running"
    assert await purge.run(operation)
    ended = (await service.http.get(f"/v1/operations/{operation}")).json()
    assert (ended["state"], ended["result"]["rows_left"], ended["result"]["bytes_left"]) == ("succeeded", 0, 0)
    assert await left_of(service, tenant_id, tenant.code) == {}
    # It has ended: there is nothing to do any more.
    assert not await purge.run(operation)
    assert not await purge.run(new_id("op"))


async def test_one_process_at_a_time_purges_a_tenant(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = await operation_of(service, tenant, monkeypatch)
    services, held = service.services, Held()
    purge = TenantPurge(services.database, services.cache, services.disk)
    hold_disk(service, held, "detach_tenant", monkeypatch)
    first = asyncio.create_task(purge.run(operation))
    await held.reached.wait()
    assert not await purge.run(operation)
    held.go_on.set()
    assert await first


async def test_a_purge_that_still_finds_something_goes_on_next_time(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = await operation_of(service, tenant, monkeypatch)
    services = service.services
    purge = TenantPurge(services.database, services.cache, services.disk)
    leftover = services.disk.base / ".incoming" / tenant.code
    original = services.disk.empty_trash

    async def then_somebody_adds(name: str) -> None:
        await original(name)
        leftover.mkdir()

    with monkeypatch.context() as patched:
        patched.setattr(services.disk, "empty_trash", then_somebody_adds)
        await purge.run(operation)
    assert (await service.http.get(f"/v1/operations/{operation}")).json()["state"] == "running"
    await purge.run(operation)
    assert (await service.http.get(f"/v1/operations/{operation}")).json()["state"] == "succeeded"
    assert not leftover.exists()


async def test_removals_that_the_sweeper_has_not_done_go_with_their_tenant(
    service: FileService, tenant: SampleTenant
) -> None:
    file = await tenant.stored()
    await tenant.request("DELETE", f"/files/{file['id']}")
    tenant_id = await tenant_id_of(tenant)
    assert "removals" in await left_of(service, tenant_id, tenant.code)
    # Another tenant whose code looks like a pattern for this one keeps its own.
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(
            text("INSERT INTO removals (storage_path) VALUES (:path)"), {"path": "other/2025-01/fs_1"}
        )
    await service.http.delete(tenant.path, headers=WAIT)
    assert await left_of(service, tenant_id, tenant.code) == {}
    async with service.services.database.transaction_across_tenants() as session:
        removed = await session.execute(text("DELETE FROM removals WHERE storage_path LIKE 'other/%' RETURNING 1"))
        assert len(removed.all()) == 1


@pytest.mark.parametrize("moment", ["amid the purge", "after the purge"])
async def test_what_was_read_before_the_purge_is_not_cached_any_more(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The race: a row is read, the tenant's cache entries are removed, then the row comes to be cached."""
    operation, tenant_id = await operation_of(service, tenant, monkeypatch), ""
    services = service.services
    original = services.cache.forget_tenant

    async def put_late() -> None:
        name = file_key(UUID(tenant_id), "fs_late")
        await services.cache.put(name, Versioned(1, b"x"))
        await services.cache.invalidate({name: 2})
        assert await services.cache._redis.exists(name) == 0

    async def forget(asked: str) -> int:
        nonlocal tenant_id
        tenant_id = asked
        removed = await original(asked)
        if moment == "amid the purge":
            await put_late()
        return removed

    monkeypatch.setattr(services.cache, "forget_tenant", forget)
    await TenantPurge(services.database, services.cache, services.disk).run(operation)
    await put_late()
    assert await left_of(service, tenant_id, tenant.code) == {}


async def test_a_deletion_waits_for_the_cache_and_ends_when_it_is_back(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id = await tenant_id_of(tenant)
    file = await tenant.stored()
    assert (await tenant.request("GET", f"/files/{file['id']}")).status_code == 200
    operation = await operation_of(service, tenant, monkeypatch)
    services, away = service.services, Cache(f"redis://127.0.0.1:{free_port()}/0", 30)
    with pytest.raises(Unavailable):
        await TenantPurge(services.database, away, services.disk).run(operation)
    await away.close()
    # All rows and bytes are gone, but nobody has looked into the cache: that is not the end.
    waiting = (await service.http.get(f"/v1/operations/{operation}")).json()
    assert (waiting["state"], waiting["result"], waiting["progress"]["files_removed"]) == ("running", None, 1)
    assert await services.cache._redis.exists(file_key(UUID(tenant_id), file["id"])) == 1

    assert await TenantPurge(services.database, services.cache, services.disk).run(operation)
    ended = (await service.http.get(f"/v1/operations/{operation}")).json()
    assert (ended["state"], ended["result"]["cache_entries_removed"]) == ("succeeded", 1)
    assert await left_of(service, tenant_id, tenant.code) == {}


async def test_a_tenants_rows_go_in_batches_in_every_table(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much a tenant has, no statement removes more than a batch of it."""
    tenant_id = await tenant_id_of(tenant)
    database = service.services.database
    rows = Rows(database, UUID(tenant_id), tenant.code)
    for _ in range(5):
        await rows.job()
        await rows.finish(await rows.claimed())
    await rows.batch(await rows.file(), await rows.file(state="pending"))
    monkeypatch.setattr(tenant_purge, "BATCH", 2)
    removed: list[int] = []
    original = TenantPurge._remove_some

    async def remove_some(self: TenantPurge, *arguments: Any) -> int:
        removed.append(await original(self, *arguments))
        return removed[-1]

    monkeypatch.setattr(TenantPurge, "_remove_some", remove_some)
    ended = (await service.http.delete(tenant.path, headers=WAIT)).json()
    assert (ended["state"], ended["result"]["rows_left"]) == ("succeeded", 0)
    assert max(removed) == 2
    # 5 files of jobs, 2 of the batch; 5 jobs and one of the batch's active file at least, their results, the batch.
    assert ended["progress"]["rows_removed"] == sum(removed) >= 7 + 6 + 5 + 1
    assert await left_of(service, tenant_id, tenant.code) == {}


async def test_downloads_end_when_the_tenant_goes(service: FileService, tenant: SampleTenant) -> None:
    file = await tenant.stored()

    async def read() -> list[httpx.Response]:
        answers = []
        while True:
            answers.append(await service.http.get(f"{tenant.path}/files/{file['id']}/content"))
            if answers[-1].status_code != 200:
                return answers

    answers, deletion = await asyncio.gather(read(), service.http.delete(tenant.path, headers=WAIT))
    assert deletion.status_code == 200
    assert {answer.status_code for answer in answers} <= {200, 404}
    assert all(answer.content == b"some text" for answer in answers[:-1])
