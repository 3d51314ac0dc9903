"""What the search behind a list promises beside its pages: whose files it finds, and which it can keep."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from storage.file_filters import FileFilter
from storage.file_lists import FileOrder, page
from storage.identifiers import new_id
from storage.models import File, Tenant
from tests.file_service import FileService, SampleTenant

TERMS = """
    SELECT * FROM files_with_terms(file_terms(:tenant, 'same', '.txt', 'text/plain', '["same"]', '{"same": 1}'), 10)
"""


async def tenant_id(tenant: SampleTenant) -> UUID:
    return UUID((await tenant.request("GET", "")).json()["id"])


async def add(service: FileService, tenant: UUID, name: str, **more: Any) -> str:
    file_id = new_id("fs")
    fields: dict[str, Any] = {"extension": ".txt", "media_type": "text/plain", "tags": ["same"], "sha256": "ab" * 32}
    fields |= {"metadata_": {"same": 1}, "state": "active", "storage_path": f"x/2025-01/{file_id}"} | more
    async with service.services.database.transaction(tenant) as session:
        session.add(File(id=file_id, tenant_id=tenant, file_name=name, **fields))
    return file_id


async def test_terms_find_the_files_of_the_tenant_that_the_transaction_is_bound_to(service: FileService) -> None:
    mine, theirs = [await tenant_id(await service.tenant()) for _ in range(2)]
    files = {tenant: await add(service, tenant, "The same.txt") for tenant in (mine, theirs)}
    for bound in (mine, theirs):
        async with service.services.database.reading(bound) as session:
            for asked in (mine, theirs):
                found = (await session.scalars(text(TERMS), {"tenant": asked})).all()
                assert found == ([files[bound]] if asked == bound else [])


async def test_what_is_not_whole_has_no_terms(service: FileService, tenant: SampleTenant) -> None:
    mine = await tenant_id(tenant)
    await add(service, mine, "The same.txt", state="pending")
    async with service.services.database.transaction(mine) as session:
        # As it is counted, for whoever sweeps it one day.
        await session.execute(update(Tenant).where(Tenant.id == mine).values(reserved_files=1))
    async with service.services.database.reading(mine) as session:
        assert (await session.scalars(text(TERMS), {"tenant": mine})).all() == []


async def test_the_search_by_terms_is_for_tenants_transactions_only(service: FileService) -> None:
    """It reads as the tables' owner: a login that has no right to them must not read through it."""
    async with service.services.database.reading_across_tenants() as session:
        allowed = await session.scalar(
            text("SELECT has_function_privilege('public', 'files_with_terms(bigint[], bigint)', 'execute')")
        )
    assert not allowed


LONG_NAMES = ["".join(chr(0x4E00 + (17 * place + start) % 20_000) for place in range(341)) + "e" for start in range(3)]


@pytest.mark.parametrize("sort", ["file_name", "time_created"])
async def test_a_name_of_a_thousand_bytes_is_kept_listed_and_found(service: FileService, sort: Any) -> None:
    """A row of an ordered index has at most 2,704 bytes, compressed or not."""
    assert {len(name.encode()) for name in LONG_NAMES} == {1024}
    mine = await tenant_id(await service.tenant())
    ids = [await add(service, mine, name) for name in LONG_NAMES]
    async with service.services.database.reading(mine) as session:
        for name, file_id in zip(LONG_NAMES, ids, strict=True):
            found = await page(session, mine, FileFilter(name=name), FileOrder(sort), 10, None)
            assert [record.id for record in found] == [file_id]


async def test_a_row_too_long_for_an_index_is_refused_not_cut(service: FileService, tenant: SampleTenant) -> None:
    with pytest.raises(DBAPIError, match="index row size"):
        await add(service, await tenant_id(tenant), "".join(chr(0x4E00 + 7 * place % 20_000) for place in range(2000)))


async def test_upper_and_lower_case_are_the_same_beyond_ascii_and_order_is_that_of_code_points(
    tenant: SampleTenant,
) -> None:
    for name in ("b.txt", "Ärger.txt", "a.txt", "ÄPFEL.txt", "B.txt"):
        await tenant.stored(name.encode(), name)
    listed = (await tenant.request("GET", "/files?sort=file_name")).json()["items"]
    assert [item["file_name"] for item in listed] == ["B.txt", "a.txt", "b.txt", "ÄPFEL.txt", "Ärger.txt"]
    for part in ("är", "ärg", "ÄRGER.T"):
        found = (await tenant.request("GET", "/files", params={"name": part})).json()["items"]
        assert [item["file_name"] for item in found] == ["Ärger.txt"]


async def test_a_changed_file_is_found_by_what_it_is_now(tenant: SampleTenant) -> None:
    file = await tenant.stored(b"text", "before.txt")
    patch = {"file_name": "afterwards.txt", "tags": ["new"], "metadata": {"k": "new"}}
    assert (await tenant.patch(f"/files/{file['id']}", patch, '"m1"')).status_code == 200
    for query, expected in (("name=before", 0), ("name=afterwards", 1), ("tag=new", 1), ("meta.k=new", 1)):
        assert len((await tenant.request("GET", f"/files?{query}")).json()["items"]) == expected, query
