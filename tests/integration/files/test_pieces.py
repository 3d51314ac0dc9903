"""Pieces of the service by themselves, on the real servers."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from serve_apps import key_uses
from serve_apps.key_uses import KeyUses
from serve_apps.services import Services
from storage import file_crud, tenant_crud
from storage.database import Database
from storage.errors import Unavailable
from storage.records import KeyRecord
from storage.settings import Settings
from tests.file_service import FileService, SampleTenant


async def test_services_are_opened_from_settings_and_closed(tmp_path: Path, database_url: str, redis_url: str) -> None:
    services = await Services.open(Settings(home=tmp_path, database_url=database_url, redis_url=redis_url))
    assert services.operator_key == (tmp_path / "keys" / "operator-key").read_text().strip()
    assert (tmp_path / "files" / ".incoming").is_dir()
    await services.cache.ping()
    async with services.database.reading_across_tenants() as session:
        assert await tenant_crud.find(session, "no-such-tenant") is None
        assert await file_crud.find(session, uuid4(), "no id\0") is None
    await services.close()


async def test_the_use_of_a_key_is_noted_once_a_minute(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    written: list[str] = []

    async def note(_: Any, _tenant_id: UUID, key_id: str) -> None:
        written.append(key_id)

    monkeypatch.setattr(tenant_crud, "note_key_use", note)
    monkeypatch.setattr(key_uses, "MAX_REMEMBERED", 2)
    database = Database(database_url)
    uses = KeyUses(database)
    for key in ("a", "a", "b", "a", "c", "a"):
        uses.note(KeyRecord(key, uuid4(), "", "", frozenset(), None, 0))
        await uses.close()
    # More keys than are remembered: it begins anew.
    assert written == ["a", "b", "c", "a"]
    await database.close()


async def test_a_database_that_is_away_does_not_keep_a_key_from_being_used(
    tenant: SampleTenant, service: FileService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(*_: Any) -> None:
        raise Unavailable("database")

    monkeypatch.setattr(tenant_crud, "note_key_use", away)
    assert (await tenant.request("GET", "/files")).status_code == 200
    await service.services.key_uses.close()
    assert "key use not noted" in [record.message for record in caplog.records]


async def test_rows_can_be_looked_at_after_they_were_read(service: FileService, tenant: SampleTenant) -> None:
    async with service.services.database.reading_across_tenants() as session:
        row = await tenant_crud.find(session, tenant.code)
        assert row is not None
        row.metadata_ = {"changed": True}
    assert (row.code, row.metadata_) == (tenant.code, {"changed": True})
    # It was a reading: nothing was written.
    assert (await tenant.request("GET", "")).json()["metadata"] == {}


async def connect(database: Database, held: asyncio.Event | None = None, until: asyncio.Event | None = None) -> None:
    async with database.transaction_across_tenants() as session:
        await session.connection()
        if held is not None and until is not None:
            held.set()
            await until.wait()


async def test_a_database_that_is_not_there_is_unavailable() -> None:
    database = Database("postgresql://nobody:x@127.0.0.1:1/none")
    with pytest.raises(Unavailable):
        await connect(database)
    await database.close()


async def test_a_pool_without_a_free_connection_is_unavailable(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, let_go = Database(database_url, pool_size=1), asyncio.Event()
    held = [asyncio.Event(), asyncio.Event()]
    holders = [asyncio.create_task(connect(database, event, let_go)) for event in held]
    await asyncio.gather(*(event.wait() for event in held))
    monkeypatch.setattr(database._engine.pool, "_timeout", 0.05)
    with pytest.raises(Unavailable):
        await connect(database)
    let_go.set()
    await asyncio.gather(*holders)
    await connect(database)
    await database.close()
