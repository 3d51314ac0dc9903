"""What the database itself keeps apart, whatever statement a tenant's transaction sends."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from muniment.local.postgres import OWNER, SUPERUSER, EmbeddedPostgres
from storage import migrate, outbox, resumable_uploads, tenant_crud, webhook_crud
from storage.database import Database
from storage.models import Base, File, Operation, Removal, RetiredTenantCode, TenantCall
from storage.outbox import Event
from storage.resumable_uploads import UploadRecord
from storage.tenant_role import RIGHTS, TENANT_ROLE, NotIsolated
from tests.database_logins import login_with_database
from tests.extraction_rows import Rows, make_tenant

OTHER_SERVER = os.environ.get("MUNIMENT_TEST_POSTGRES_URL", "")
"""A superuser's URL of a server of another version, where there is one."""

TABLES = sorted(table.name for table in Base.metadata.sorted_tables)


async def filled(database: Database) -> Rows:
    """A tenant with a row in every table."""
    rows = await make_tenant(database)
    file_id = await rows.file()
    await rows.batch(file_id)
    await rows.finish(await rows.claimed())
    path = f"{rows.code}/2025-01/fs_{uuid4().hex}"
    async with database.transaction(rows.tenant_id) as session:
        await tenant_crud.add_key(session, rows.tenant_id, b"pepper")
        session.add(Removal(storage_path=path))
        session.add(TenantCall(id=uuid4(), tenant_id=rows.tenant_id, outcome={}))
        await webhook_crud.register(session, rows.tenant_id, "https://receiver.invalid/", "", (), b"secret")
        await outbox.add(session, rows.tenant_id, rows.code, [Event("tenant.updated", {})])
        upload = UploadRecord.new(rows.tenant_id, file_id, path, "filename YQ==", 1, timedelta(hours=1))
        await resumable_uploads.add(session, upload)
        session.add(Operation(id=uuid4().hex, kind="test", tenant_id=rows.tenant_id, tenant_code=rows.code))
        await session.execute(text("INSERT INTO retired_tenant_codes (code) VALUES (:code)"), {"code": rows.code})
        await session.execute(
            text("INSERT INTO idempotency_keys (tenant_id, key, lease_until) VALUES (:id, 'k', now())"),
            {"id": rows.tenant_id},
        )
    return rows


@dataclass(frozen=True, slots=True)
class Neighbours:
    database: Database
    mine: Rows
    theirs: Rows


@asynccontextmanager
async def neighbours(url: str) -> AsyncIterator[Neighbours]:
    await asyncio.to_thread(migrate.upgrade, url)
    database = Database(url)
    try:
        yield Neighbours(database, await filled(database), await filled(database))
    finally:
        await database.close()


MAKE = f"CREATE ROLE {TENANT_ROLE} NOLOGIN"
GRANT = f"GRANT {TENANT_ROLE} TO {{login}}"
LOGINS = {
    "given the role": ("", MAKE, GRANT),
    "making the role": ("CREATEROLE",),
    "without the role": ("",),
    "refused the role": ("", MAKE),
    "a superuser": ("SUPERUSER",),
}
"""Attributes of a login, and what an administrator ran for it."""


@pytest.fixture(scope="module")
async def embedded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A superuser's URL of a server where no other test needs the role."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), dict(os.environ))
    url = await server.start()
    yield url.replace(f"//{OWNER}:", f"//{SUPERUSER}:").rpartition("/")[0] + "/postgres"
    await server.stop()


@pytest.fixture(scope="module", params=["embedded", "other"])
def server(request: pytest.FixtureRequest, embedded: str) -> str:
    if request.param == "other" and not OTHER_SERVER:
        pytest.skip("MUNIMENT_TEST_POSTGRES_URL names no other server")
    return OTHER_SERVER if request.param == "other" else embedded


@pytest.fixture(scope="module", params=LOGINS)
async def apart(request: pytest.FixtureRequest, server: str) -> AsyncIterator[Neighbours]:
    async with login_with_database(server, *LOGINS[request.param]) as url, neighbours(url) as found:
        yield found


async def count(session: AsyncSession, table: str, containing: str = "") -> int:
    found = await session.scalar(
        text(f"SELECT count(*) FROM {table} AS t WHERE strpos(t::text, :part) > 0"),  # noqa: S608 - our own names
        {"part": containing},
    )
    return int(found or 0)


async def named(rows: Rows, session: AsyncSession, table: str) -> int:
    """Rows that hold the tenant's id or its code."""
    return await count(session, table, str(rows.tenant_id)) or await count(session, table, rows.code)


@pytest.mark.parametrize("table", TABLES)
async def test_a_tenants_transaction_sees_its_own_rows_and_no_others(apart: Neighbours, table: str) -> None:
    async with apart.database.transaction(apart.mine.tenant_id) as session:
        assert await named(apart.mine, session, table) > 0
        assert await named(apart.mine, session, table) == await count(session, table)
        assert await named(apart.theirs, session, table) == 0
    async with apart.database.reading_across_tenants() as session:
        assert await named(apart.theirs, session, table) > 0


@pytest.mark.parametrize("table", TABLES)
async def test_a_statement_without_a_condition_changes_no_other_tenants_rows(apart: Neighbours, table: str) -> None:
    column = await _some_column(apart.database, table)
    statements = {"DELETE": f"DELETE FROM {table}", "UPDATE": f"UPDATE {table} SET {column} = {column}"}  # noqa: S608
    allowed = statements if await _user(apart) == "login" else RIGHTS[table]
    for right, statement in statements.items():
        async with apart.database.reading(apart.mine.tenant_id) as session:
            mine = await count(session, table)
            if right in allowed:
                assert len((await session.execute(text(f"{statement} RETURNING 1"))).all()) == mine
            else:
                with pytest.raises(DBAPIError, match="permission denied"):
                    await session.execute(text(statement))


async def _some_column(database: Database, table: str) -> str:
    query = text("SELECT column_name FROM information_schema.columns WHERE table_name = :table AND is_identity = 'NO'")
    async with database.reading_across_tenants() as session:
        return str((await session.scalars(query, {"table": table})).first())


@pytest.mark.parametrize(
    "row",
    [
        lambda theirs: File(id="fs_x", tenant_id=theirs.tenant_id, file_name="x", storage_path="x"),
        lambda theirs: TenantCall(id=uuid4(), tenant_id=theirs.tenant_id, outcome={}),
        lambda theirs: Operation(id="op_x", kind="x", tenant_id=theirs.tenant_id, tenant_code=theirs.code),
        lambda theirs: Removal(storage_path=f"{theirs.code}/2025-01/fs_x"),
        lambda theirs: RetiredTenantCode(code=f"{theirs.code}-x"),
    ],
    ids=["file", "call", "operation", "removal", "retired code"],
)
async def test_a_row_of_another_tenant_cannot_be_written(apart: Neighbours, row: Callable[[Rows], Base]) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        async with apart.database.transaction(apart.mine.tenant_id) as session:
            session.add(row(apart.theirs))


async def test_a_row_cannot_be_given_to_another_tenant(apart: Neighbours) -> None:
    for table in ("files", "api_keys", "extraction_jobs", "extraction_results", "idempotency_keys"):
        with pytest.raises(DBAPIError, match="row-level security"):
            async with apart.database.transaction(apart.mine.tenant_id) as session:
                await session.execute(
                    text(f"UPDATE {table} SET tenant_id = :other"),  # noqa: S608 - our own names
                    {"other": apart.theirs.tenant_id},
                )


async def test_a_tenant_that_does_not_exist_has_no_rows(apart: Neighbours) -> None:
    async with apart.database.reading(uuid4()) as session:
        assert [await count(session, table) for table in TABLES] == [0] * len(TABLES)


async def test_a_connection_goes_back_to_the_pool_as_it_came(apart: Neighbours) -> None:
    """After a commit, a roll-back and an error; the pool has one connection."""
    url = apart.database._engine.url.render_as_string(hide_password=False)
    database = Database(url, pool_size=1)
    query = text(
        "SELECT pg_backend_pid(), current_user = session_user, nullif(current_setting('app.tenant', true), '')"
    )
    servers = set()
    for block in (database.transaction, database.reading):
        async with block(apart.mine.tenant_id) as session:
            process, _, tenant = (await session.execute(query)).one()
            assert tenant == str(apart.mine.tenant_id)
            servers.add(process)
        with pytest.raises(ZeroDivisionError):
            async with block(apart.mine.tenant_id):
                raise ZeroDivisionError
        async with database.reading_across_tenants() as session:
            process, as_itself, tenant = (await session.execute(query)).one()
            assert (as_itself, tenant) == (True, None)
            assert await named(apart.theirs, session, "files") > 0
            servers.add(process)
    assert len(servers) == 1
    await database.close()


async def test_no_table_is_without_a_policy(apart: Neighbours) -> None:
    """A new table gets one in its migration: see `storage/migrations/row_security.py`; and rights in `RIGHTS`."""
    query = text("""
        SELECT relname, relrowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    """)
    async with apart.database.reading_across_tenants() as session:
        found: dict[str, bool] = dict((await session.execute(query)).all())
    assert {table: held for table, held in found.items() if not held} == {"alembic_version": False}
    assert sorted(found) == sorted([*TABLES, "alembic_version"])
    assert sorted(RIGHTS) == TABLES


async def test_rights_that_a_restored_dump_lacks_are_given_by_the_next_upgrade(apart: Neighbours) -> None:
    url = apart.database._engine.url.render_as_string(hide_password=False)
    async with apart.database.transaction_across_tenants() as session:
        if not await session.scalar(text("SELECT to_regrole(:role) IS NOT NULL"), {"role": TENANT_ROLE}):
            pytest.skip("this login has no role to give rights to")
        await session.execute(text(f"REVOKE ALL ON files FROM {TENANT_ROLE}"))
    await asyncio.to_thread(migrate.upgrade, url)
    async with apart.database.reading(apart.mine.tenant_id) as session:
        assert await count(session, "files") > 0


@pytest.mark.parametrize(
    ("login", "advice"),
    [
        (("BYPASSRLS",), "may not make the role"),
        (("", f"{MAKE} BYPASSRLS", GRANT), "take that from it"),
    ],
    ids=["the login", "the role"],
)
async def test_a_database_where_nothing_would_be_held_back_is_refused(
    server: str, login: tuple[str, ...], advice: str
) -> None:
    async with login_with_database(server, *login) as url:
        with pytest.raises(NotIsolated, match=advice):
            await asyncio.to_thread(migrate.upgrade, url)
        # Nothing was done by halves.
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT count(*) FROM pg_class WHERE relname = 'tenants'") == 0
        await connection.close()


async def test_the_role_without_a_tenant_sees_nothing(apart: Neighbours) -> None:
    if await _user(apart) == "login":
        pytest.skip("this login has no role")
    async with apart.database.reading_across_tenants() as session:
        await session.execute(text(f"SET LOCAL ROLE {TENANT_ROLE}"))
        assert [await count(session, table) for table in TABLES] == [0] * len(TABLES)


async def test_a_login_that_is_given_the_role_later_uses_it(server: str) -> None:
    async with login_with_database(server, "") as url, neighbours(url) as found:
        assert await _user(found) == "login"
        administrator = await asyncpg.connect(server)
        await administrator.execute(f"{MAKE}; GRANT {TENANT_ROLE} TO {url.rpartition('/')[2]}")
        await administrator.close()
        await asyncio.to_thread(migrate.upgrade, url)
        assert await _user(found) == "role"
        async with found.database.reading(found.mine.tenant_id) as session:
            assert await named(found.theirs, session, "files") == 0


async def _user(found: Neighbours) -> str:
    async with found.database.reading(found.mine.tenant_id) as session:
        user = await session.scalar(text("SELECT current_user"))
    return "role" if user == TENANT_ROLE else "login"
