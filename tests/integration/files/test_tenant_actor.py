"""One tenant's changes: in order, in groups, each for itself, and never under an old epoch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from actors.tenant_actor import MAX_BATCH, TenantActor
from actors.tenant_changes import Change, DeleteFile, DeleteTenant, TenantState, UpdateFile, UpdateTenant
from actors.upload_changes import AbandonFile, CommitFile, ReserveFile
from storage import tenant_crud
from storage.cache import Cache, Versioned
from storage.cache_keys import file_key, tenant_key
from storage.database import Database
from storage.errors import NotFound, TenantActorFenced, Unavailable, VersionConflict
from storage.files_on_disk import FilesOnDisk
from storage.identifiers import new_id
from storage.records import FileRecord

SHA = "ab" * 32


class WatchedDatabase(Database):
    """Counts transactions, and holds each up before its commit when the test closes the gate."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.transactions = 0
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.failure_after: Exception | None = None

    @asynccontextmanager
    async def transaction_across_tenants(self) -> AsyncIterator[AsyncSession]:
        self.transactions += 1
        async with super().transaction_across_tenants() as session:
            yield session
            await session.flush()
            self.begun.set()
            await self.gate.wait()
            if self.failure is not None:
                raise self.failure
        if self.failure_after is not None:
            raise self.failure_after


class Stage:
    """A tenant, and actors for it."""

    def __init__(self, database: WatchedDatabase, cache: Cache, disk: FilesOnDisk, code: str, tenant_id: UUID) -> None:
        self.database, self.cache, self.disk = database, cache, disk
        self.code, self.tenant_id = code, tenant_id
        self.actors: list[TenantActor] = []

    async def activate(self) -> TenantActor:
        actor = await TenantActor.activate(self.code, self.database, self.cache, self.disk)
        self.actors.append(actor)
        return actor

    async def stored(self, actor: TenantActor) -> str:
        file_id = new_id("fs")
        path = await actor.call(ReserveFile(uuid4(), file_id, "a.txt", "", ".txt", 0))
        place = self.disk.path(path)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"1234567890")
        await actor.call(commit(file_id))
        return file_id

    async def row(self, statement: str, **values: Any) -> Any:
        async with self.database.reading_across_tenants() as session:
            found = await session.execute(text(statement), {"code": self.code, "tenant": self.tenant_id} | values)
            return found.one()

    async def counters(self) -> tuple[int, ...]:
        return tuple(
            await self.row(
                "SELECT file_count, total_bytes, reserved_files, reserved_bytes FROM tenants WHERE code = :code"
            )
        )


def commit(file_id: str) -> CommitFile:
    return CommitFile(uuid4(), file_id, 10, "text/plain", SHA, [], {})


@pytest.fixture
async def stage(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Stage]:
    database, cache, disk = WatchedDatabase(database_url), Cache(redis_url, 30), FilesOnDisk(tmp_path)
    code = f"t-{uuid4().hex[:20]}"
    await disk.prepare()
    await disk.prepare_tenant(code)
    async with database.transaction_across_tenants() as session:
        tenant = await tenant_crud.create(session, code, {}, {})
    running = Stage(database, cache, disk, code, tenant.id)
    yield running
    database.gate.set()
    for actor in running.actors:
        await actor.close()
    await cache.close()
    await database.close()
    await disk.close()


async def test_what_waits_together_is_committed_together(stage: Stage) -> None:
    actor = await stage.activate()
    stage.database.gate.clear()
    stage.database.begun.clear()
    calls = [asyncio.create_task(stage.stored(actor))]
    await stage.database.begun.wait()
    before = stage.database.transactions
    calls += [asyncio.create_task(stage.stored(actor)) for _ in range(50)]
    await asyncio.sleep(0)
    stage.database.gate.set()
    await asyncio.gather(*calls)
    # Fifty reservations, then fifty-one commits: a few transactions, not a hundred.
    assert stage.database.transactions - before <= 6
    assert await stage.counters() == (51, 510, 0, 0)


async def test_a_group_has_a_bound_and_keeps_its_order(stage: Stage) -> None:
    actor = await stage.activate()
    file_id = await stage.stored(actor)
    changes = [UpdateFile(uuid4(), file_id, None, {"tags": [str(number)]}) for number in range(MAX_BATCH + 10)]
    before = stage.database.transactions
    records = await asyncio.gather(*(actor.call(change) for change in changes))
    assert [(record.version, record.tags) for record in records] == [
        (number + 2, [str(number)]) for number in range(len(changes))
    ]
    assert 2 <= stage.database.transactions - before <= 3


class Defect(Change[None]):
    def apply(self, state: TenantState) -> None:
        raise ZeroDivisionError(state.tenant.code)


class Unstorable(Change[None]):
    """What the database refuses, though no check here did."""

    def apply(self, state: TenantState) -> None:
        state.tenant.metadata_ = {"a": "\0"}


@pytest.mark.parametrize("kind", [Defect, Unstorable])
async def test_a_change_that_fails_does_not_take_its_neighbours_with_it(
    stage: Stage, kind: type[Change[None]], caplog: pytest.LogCaptureFixture
) -> None:
    actor = await stage.activate()
    ids = [await stage.stored(actor) for _ in range(4)]
    changes: list[Change[Any]] = [UpdateFile(uuid4(), file_id, 1, {"tags": ["new"]}) for file_id in ids]
    changes.insert(2, kind(uuid4()))
    changes.append(UpdateFile(uuid4(), ids[0], 1, {"tags": ["late"]}))
    answers = await asyncio.gather(*(actor.call(change) for change in changes), return_exceptions=True)
    assert [type(answer) for answer in answers] == [FileRecord] * 2 + [RuntimeError] + [FileRecord] * 2 + [
        VersionConflict
    ]
    assert "SELECT" not in str(answers[2])
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["change failed"]
    assert not actor.retired


@pytest.mark.parametrize("kind", ["update", "delete", "tenant", "reserve", "commit", "abandon"])
async def test_a_call_that_is_sent_twice_is_done_once_and_answered_alike(stage: Stage, kind: str) -> None:
    actor = await stage.activate()
    file_id, pending = await stage.stored(actor), new_id("fs")
    await actor.call(ReserveFile(uuid4(), pending, "a.txt", "", ".txt", 7))
    changes: dict[str, Change[Any]] = {
        "update": UpdateFile(uuid4(), file_id, 1, {"tags": ["x"]}),
        "delete": DeleteFile(uuid4(), file_id),
        "tenant": UpdateTenant(uuid4(), 1, {"max_files": 9}, {"a": 1}),
        "reserve": ReserveFile(uuid4(), new_id("fs"), "a.txt", "", ".txt", 7),
        "commit": commit(pending),
        "abandon": AbandonFile(uuid4(), pending),
    }
    change = changes[kind]
    together = await asyncio.gather(actor.call(change), actor.call(change))
    after = await stage.counters()
    # Another activation, as after a crash of the host.
    again = await (await stage.activate()).call(change)
    assert [*together, again] == [together[0]] * 3
    assert await stage.counters() == after


async def test_a_file_whose_upload_is_given_up_at_once_never_had_a_row(stage: Stage) -> None:
    actor, file_id = await stage.activate(), new_id("fs")
    reserve = ReserveFile(uuid4(), file_id, "a.txt", "", ".txt", 7)
    await asyncio.gather(actor.call(reserve), actor.call(AbandonFile(uuid4(), file_id)))
    assert await stage.counters() == (0, 0, 0, 0)
    assert (await stage.row("SELECT count(*) FROM files WHERE id = :id", id=file_id))[0] == 0


async def test_an_older_activation_cannot_write(stage: Stage) -> None:
    old = await stage.activate()
    file_id = await stage.stored(old)
    new = await stage.activate()
    with pytest.raises(TenantActorFenced):
        await old.call(UpdateFile(uuid4(), file_id, 1, {"tags": ["old"]}))
    assert old.retired
    assert (await new.call(UpdateFile(uuid4(), file_id, 1, {"tags": ["new"]}))).tags == ["new"]
    assert (await stage.row("SELECT tags::text, version FROM files WHERE id = :id", id=file_id)) == ('["new"]', 2)


async def test_an_activation_waits_for_the_transaction_that_is_under_way(stage: Stage) -> None:
    """The race: the old actor has its changes in hand when the new one is activated."""
    old = await stage.activate()
    file_id = await stage.stored(old)
    stage.database.begun.clear()
    stage.database.gate.clear()
    call = asyncio.create_task(old.call(UpdateFile(uuid4(), file_id, 1, {"tags": ["old"]})))
    await stage.database.begun.wait()
    second = Database(stage.database._engine.url.render_as_string(hide_password=False).replace("+asyncpg", ""))
    activation = asyncio.create_task(TenantActor.activate(stage.code, second, stage.cache, stage.disk))
    await _until_waiting_for_a_lock(second)
    assert not activation.done()
    stage.database.gate.set()
    assert (await call).tags == ["old"]
    new = await activation
    stage.actors.append(new)
    with pytest.raises(VersionConflict):
        await new.call(UpdateFile(uuid4(), file_id, 1, {"tags": ["new"]}))
    await new.close()
    await second.close()


async def _until_waiting_for_a_lock(database: Database) -> None:
    """Another process, the database's, comes to its lock in its own time."""
    async with asyncio.timeout(20):
        while True:
            async with database.reading_across_tenants() as session:
                if await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                    return
            await asyncio.sleep(0.02)


async def test_a_cancelled_caller_takes_nothing_back(stage: Stage) -> None:
    actor = await stage.activate()
    file_id = await stage.stored(actor)
    stage.database.begun.clear()
    stage.database.gate.clear()
    call = asyncio.create_task(actor.call(UpdateFile(uuid4(), file_id, 1, {"tags": ["x"]})))
    await stage.database.begun.wait()
    call.cancel()
    refused = asyncio.create_task(actor.call(UpdateFile(uuid4(), file_id, 9, {})))
    await asyncio.sleep(0)
    refused.cancel()
    stage.database.gate.set()
    assert (await actor.call(UpdateFile(uuid4(), file_id, 2, {}))).tags == ["x"]


async def test_whoever_waits_at_a_closed_actor_is_told_to_find_the_next(stage: Stage) -> None:
    actor = await stage.activate()
    file_id = await stage.stored(actor)
    stage.database.begun.clear()
    stage.database.gate.clear()
    in_hand = asyncio.create_task(actor.call(UpdateFile(uuid4(), file_id, 1, {})))
    await stage.database.begun.wait()
    assert not actor.is_idle
    waiting = asyncio.create_task(actor.call(UpdateFile(uuid4(), file_id, 1, {})))
    await asyncio.sleep(0)
    await actor.close()
    late = asyncio.create_task(actor.call(UpdateFile(uuid4(), file_id, 1, {})))
    for call in (in_hand, waiting, late):
        with pytest.raises(TenantActorFenced):
            await call
    await actor.close()


async def test_closing_while_changes_are_made_one_by_one_leaves_nobody_waiting(stage: Stage) -> None:
    actor = await stage.activate()
    file_id = await stage.stored(actor)
    calls = [
        asyncio.create_task(actor.call(change)) for change in (Defect(uuid4()), UpdateFile(uuid4(), file_id, 1, {}))
    ]
    calls += [asyncio.create_task(actor.call(UpdateFile(uuid4(), file_id, None, {}))) for _ in range(3)]
    stage.database.begun.clear()
    stage.database.gate.clear()
    # The batch has failed as a whole; of the changes by themselves the first that can be written is held up.
    await stage.database.begun.wait()
    await actor.close()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [RuntimeError] + [TenantActorFenced] * 4


async def test_a_caller_that_is_cancelled_while_it_closes_leaves_nobody_waiting(stage: Stage) -> None:
    actor = await stage.activate()
    file_id = await stage.stored(actor)
    stage.database.begun.clear()
    stage.database.gate.clear()
    call = asyncio.create_task(actor.call(UpdateFile(uuid4(), file_id, 1, {})))
    await stage.database.begun.wait()
    closing = asyncio.create_task(actor.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    with pytest.raises(TenantActorFenced):
        await call


async def test_nothing_is_changed_after_the_tenants_deletion(stage: Stage) -> None:
    actor = await stage.activate()
    file_id = await stage.stored(actor)
    operation = new_id("op")
    answers = await asyncio.gather(
        actor.call(UpdateFile(uuid4(), file_id, 1, {})),
        actor.call(DeleteTenant(uuid4(), operation)),
        actor.call(UpdateFile(uuid4(), file_id, 2, {})),
        actor.call(DeleteTenant(uuid4(), new_id("op"))),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [FileRecord, str, NotFound, NotFound]
    assert actor.retired
    with pytest.raises(TenantActorFenced):
        await actor.call(UpdateFile(uuid4(), file_id, 2, {}))
    with pytest.raises(NotFound):
        await stage.activate()
    assert (await stage.row("SELECT status, version FROM tenants WHERE code = :code")) == ("deleting", 2)
    assert (await stage.row("SELECT id FROM operations WHERE tenant_id = :tenant"))[0] == operation


async def test_an_actor_is_not_retired_before_its_last_answer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The race: a caller of an earlier change looks at the actor while the deletion is announced."""
    actor = await stage.activate()
    announcing, go_on = asyncio.Event(), asyncio.Event()
    original = stage.cache.invalidate

    async def held(versions: Any) -> None:
        announcing.set()
        await go_on.wait()
        await original(versions)

    monkeypatch.setattr(stage.cache, "invalidate", held)
    deletion = asyncio.create_task(actor.call(DeleteTenant(uuid4(), new_id("op"))))
    await announcing.wait()
    assert not actor.retired
    go_on.set()
    await deletion
    assert actor.retired


async def test_an_actor_whose_tenant_was_deleted_elsewhere_retires(stage: Stage) -> None:
    old = await stage.activate()
    await (await stage.activate()).call(DeleteTenant(uuid4(), new_id("op")))
    with pytest.raises(NotFound):
        await old.call(AbandonFile(uuid4(), new_id("fs")))
    assert old.retired


async def test_an_actor_whose_tenant_has_no_row_any_more_retires(stage: Stage) -> None:
    actor = await stage.activate()
    async with stage.database.transaction_across_tenants() as session:
        await session.execute(text("DELETE FROM tenants WHERE _id = :id"), {"id": stage.tenant_id})
    with pytest.raises(NotFound):
        await actor.call(AbandonFile(uuid4(), new_id("fs")))
    assert actor.retired


async def cached(stage: Stage, file_id: str) -> bytes | None:
    return await stage.cache.get(file_key(stage.tenant_id, file_id))


async def test_a_change_is_announced_before_it_is_answered(stage: Stage) -> None:
    actor = await stage.activate()
    changed, deleted = await stage.stored(actor), await stage.stored(actor)
    for key in (file_key(stage.tenant_id, changed), file_key(stage.tenant_id, deleted), tenant_key(stage.code)):
        await stage.cache.put(key, Versioned(1, b"old"))
    await actor.call(UpdateFile(uuid4(), changed, 1, {}))
    assert await cached(stage, changed) is None
    await actor.call(DeleteFile(uuid4(), deleted))
    assert await cached(stage, deleted) is None
    await actor.call(UpdateTenant(uuid4(), 1, {}, {}))
    assert await stage.cache.get(tenant_key(stage.code)) is None
    await stage.cache.put(tenant_key(stage.code), Versioned(2, b"new"))
    await actor.call(DeleteTenant(uuid4(), new_id("op")))
    assert await stage.cache.get(tenant_key(stage.code)) is None


async def test_a_commit_whose_answer_is_lost_is_announced_too(stage: Stage) -> None:
    """The connection breaks after the database has committed and before this process hears of it."""
    actor = await stage.activate()
    file_id = await stage.stored(actor)
    await stage.cache.put(file_key(stage.tenant_id, file_id), Versioned(1, b"old"))
    stage.database.failure_after = Unavailable("database")
    change = UpdateFile(uuid4(), file_id, 1, {"tags": ["x"]})
    with pytest.raises(Unavailable):
        await actor.call(change)
    stage.database.failure_after = None
    assert await cached(stage, file_id) is None
    assert not actor.retired
    # Sent again it gets the answer that was lost.
    assert (await actor.call(change)).version == 2


async def test_an_answer_given_again_is_announced_again(stage: Stage) -> None:
    """The host died after its commit and before the cache heard of it; its caller asks the next activation."""
    actor = await stage.activate()
    file_id = await stage.stored(actor)
    change = UpdateFile(uuid4(), file_id, 1, {"tags": ["x"]})
    await actor.call(change)
    await stage.cache._redis.set(file_key(stage.tenant_id, file_id), b"1:old")
    await (await stage.activate()).call(change)
    assert await cached(stage, file_id) is None


async def test_a_database_that_is_away_is_told_to_all_and_the_actor_goes_on(stage: Stage) -> None:
    actor = await stage.activate()
    file_id = await stage.stored(actor)
    stage.database.failure = Unavailable("database")
    answers = await asyncio.gather(
        *(actor.call(UpdateFile(uuid4(), file_id, 1, {})) for _ in range(5)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [Unavailable] * 5
    stage.database.failure = None
    assert (await actor.call(UpdateFile(uuid4(), file_id, 1, {}))).version == 2


async def test_a_deletion_that_could_not_be_written_leaves_the_actor_working(stage: Stage) -> None:
    actor = await stage.activate()
    stage.database.failure = Unavailable("database")
    with pytest.raises(Unavailable):
        await actor.call(DeleteTenant(uuid4(), new_id("op")))
    stage.database.failure = None
    assert (await actor.call(UpdateTenant(uuid4(), 1, {}, {"a": 1}))).metadata == {"a": 1}


async def test_bytes_that_cannot_be_removed_are_left_to_the_sweeper(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = await stage.activate()
    deleted, changed = await stage.stored(actor), await stage.stored(actor)

    async def broken(_: str) -> None:
        raise Unavailable("storage volume")

    monkeypatch.setattr(stage.disk, "remove", broken)
    answers = await asyncio.gather(
        actor.call(DeleteFile(uuid4(), deleted)), actor.call(UpdateFile(uuid4(), changed, 1, {}))
    )
    assert answers[1].version == 2
    assert await stage.counters() == (1, 10, 0, 0)
    assert (await stage.row("SELECT count(*) FROM removals WHERE storage_path LIKE :code || '/%'"))[0] == 1
