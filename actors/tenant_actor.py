"""One tenant's changes, one after another, in the database as in time."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from actors.tenant_changes import Answer, Change, TenantState
from actors.upload_changes import StoreFile
from storage import file_crud, file_groups, idempotency, outbox, tenant_crud
from storage.cache import GONE, Cache
from storage.cache_keys import api_key_key, file_key, tenant_key
from storage.database import Database
from storage.errors import MunimentError, NotFound, TenantActorFenced, Unavailable
from storage.extraction_crud import forget_file_extractions
from storage.files_on_disk import FilesOnDisk
from storage.models import File, Json, Removal, TenantCall
from storage.records import active_row

log = logging.getLogger(__name__)

MAX_BATCH = 128
"""Changes committed together at most; what comes later waits for one commit."""


@dataclass(slots=True)
class _Waiting:
    change: Change[Any]
    answer: asyncio.Future[Any]


class TenantActor:
    """A mailbox and one task that empties it: what waits together is committed in one transaction.

    Every transaction first locks the tenant's row under this activation's epoch: when another actor was activated
    meanwhile, nothing is written and everybody who waits gets `TenantActorFenced`. `call` answers when the change is
    committed and the cache knows of it.
    """

    def __init__(
        self, tenant_id: UUID, code: str, epoch: int, database: Database, cache: Cache, disk: FilesOnDisk
    ) -> None:
        self.tenant_id = tenant_id
        self.code = code
        self._epoch = epoch
        self._database = database
        self._cache = cache
        self._disk = disk
        self._mailbox: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._in_hand: list[_Waiting] = []
        self._loop = asyncio.create_task(self._empty_mailbox(), name=f"tenant {code}")
        self.last_used = time.monotonic()
        self.retired = False
        """Set when the actor may write no more: fenced off, its tenant gone, or closed."""

    @classmethod
    async def activate(cls, code: str, database: Database, cache: Cache, disk: FilesOnDisk) -> Self:
        """The one active actor of the tenant from now on. Raises `NotFound` when there is no such tenant."""
        async with database.transaction_across_tenants() as session:
            tenant = await tenant_crud.activate_actor(session, code)
        return cls(tenant.id, code, tenant.actor_epoch, database, cache, disk)

    @property
    def is_idle(self) -> bool:
        return self._mailbox.empty() and not self._in_hand

    async def call(self, change: Change[Answer]) -> Answer:
        """Apply the change. Cancelling the caller does not take back what is in the mailbox."""
        if self.retired:
            raise TenantActorFenced
        self.last_used = time.monotonic()
        waiting = _Waiting(change, asyncio.get_running_loop().create_future())
        self._mailbox.put_nowait(waiting)
        answer: Answer = await asyncio.shield(waiting.answer)
        return answer

    async def close(self) -> None:
        """Stop. Whoever still waits is told to find the next activation."""
        self.retired = True
        self._loop.cancel()
        # Not awaited itself: that would take the loop's cancellation for the caller's, or the other way round.
        try:
            await asyncio.wait([self._loop])
        finally:
            while not self._mailbox.empty():
                self._in_hand.append(self._mailbox.get_nowait())
            for waiting in self._in_hand:
                _answer(waiting, TenantActorFenced())

    async def _empty_mailbox(self) -> None:
        while True:
            self._in_hand = [await self._mailbox.get()]
            while len(self._in_hand) < MAX_BATCH and not self._mailbox.empty():
                self._in_hand.append(self._mailbox.get_nowait())
            await self._serve(self._in_hand)
            self._in_hand = []

    async def _serve(self, batch: list[_Waiting]) -> None:
        try:
            answers = await self._commit([waiting.change for waiting in batch])
        except MunimentError as error:
            if isinstance(error, NotFound | TenantActorFenced):
                self.retired = True
            for waiting in batch:
                _answer(waiting, error)
        except Exception:
            # A defect, or what the database refuses: one such change must not take its neighbours with it.
            if len(batch) > 1:
                for waiting in batch:
                    await self._serve([waiting])
                return
            log.exception("change failed", extra={"tenant": self.code, "change": type(batch[0].change).__name__})
            _answer(batch[0], RuntimeError("the change could not be written"))
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                _answer(waiting, answer)

    async def _commit(self, changes: Sequence[Change[Any]]) -> list[Any]:
        """One transaction; the answers, or the expected errors, in the order of the changes."""
        small = [change for change in changes if isinstance(change, StoreFile)]
        if len(small) == len(changes):
            return await self._store(small)
        state: TenantState | None = None
        try:
            async with self._database.transaction(self.tenant_id) as session:
                state = await self._load(session, changes)
                answers = await self._apply_all(session, state, changes)
                await self._write(session, state)
                await self._cache.forewarn(state.invalidations)
        except (Unavailable, asyncio.CancelledError):
            # The commit may have come through unheard. To announce what was not committed costs a few misses.
            if state is not None:
                await self._cache.invalidate(state.invalidations)
            raise
        await self._announce(state)
        # Not before: whoever sees it closes this actor, with what it has in hand.
        self.retired |= state.deletion is not None
        return answers

    async def _store(self, changes: Sequence[StoreFile]) -> list[Any]:
        """As `_commit`, for small files alone: there is little to look for, and nothing cached to tell of."""
        async with self._database.transaction_on_driver(self.tenant_id, file_groups.lock(self.tenant_id)) as connection:
            ids, places = [change.id for change in changes], [change.storage_path for change in changes]
            hashes = [change.sha256 for change in changes]
            found = await file_groups.look(connection, self.tenant_id, self._epoch, ids, places, hashes)
            files = {record.id: active_row(record) for record in found.known}
            state = TenantState(found.tenant, files, found.same_bytes, found.given_up)
            answers = [_apply(change, state, {}) for change in changes]
            if state.stored:
                kept = [(request.key, request.fingerprint, answer) for request, answer in state.answers]
                await file_groups.write(connection, state.tenant, state.stored.values(), state.events, kept)
        return answers

    async def _apply_all(self, session: AsyncSession, state: TenantState, changes: Sequence[Change[Any]]) -> list[Any]:
        answers: list[Any] = []
        remembered = await self._remembered(session, changes)
        for change in changes:
            answers.append(answer := _apply(change, state, remembered))
            if change.remembered and change.call_id not in remembered and not isinstance(answer, MunimentError):
                outcome = change.remember(answer)
                remembered[change.call_id] = outcome
                session.add(TenantCall(id=change.call_id, tenant_id=self.tenant_id, outcome=outcome))
        return answers

    async def _load(self, session: AsyncSession, changes: Sequence[Change[Any]]) -> TenantState:
        tenant = await tenant_crud.lock(session, self.tenant_id, self._epoch)
        file_ids = [change.names_file for change in changes if change.names_file]
        rows = await session.scalars(select(File).where(File.tenant_id == tenant.id, File.id.in_(file_ids)))
        state = TenantState(tenant, {row.id: row for row in rows}, {}, await self._given_up(session, changes))
        hashes = [change.names_bytes for change in changes if change.names_bytes]
        if hashes and state.rules.duplicate_policy == "reject":
            found = await session.execute(
                select(File.sha256, File.id).where(
                    File.tenant_id == tenant.id, File.state == "active", File.sha256.in_(hashes)
                )
            )
            for sha256, file_id in found:
                state.same_bytes.setdefault(sha256 or "", []).append(file_id)
        return state

    async def _given_up(self, session: AsyncSession, changes: Sequence[Change[Any]]) -> set[str]:
        places = [change.names_place for change in changes if change.names_place]
        if not places:
            return set()
        return set(await session.scalars(select(Removal.storage_path).where(Removal.storage_path.in_(places))))

    async def _remembered(self, session: AsyncSession, changes: Sequence[Change[Any]]) -> dict[UUID, Json]:
        calls = [change.call_id for change in changes if change.remembered]
        if not calls:
            return {}
        found = await session.execute(
            select(TenantCall.id, TenantCall.outcome).where(
                TenantCall.tenant_id == self.tenant_id, TenantCall.id.in_(calls)
            )
        )
        return dict(found.all())

    async def _write(self, session: AsyncSession, state: TenantState) -> None:
        for file_id in list(state.stored):
            state.row(file_id)
        removed = {row.id for row in state.removed}
        await file_crud.add(session, [row for row in state.added if row.id not in removed])
        if state.removals:
            await file_crud.note_removals(session, state.removals)
        gone = [row for row in state.removed if row not in state.added]
        if gone:
            state.invalidations |= await forget_file_extractions(session, self.tenant_id, sorted(removed))
        for row in gone:
            await session.delete(row)
        await outbox.add(session, self.tenant_id, self.code, state.events)
        for request, answer in state.answers:
            await idempotency.complete(session, self.tenant_id, request.key, request.fingerprint, answer)
        state.invalidations |= dict.fromkeys((file_key(self.tenant_id, file_id) for file_id in removed), GONE)
        if state.deletion is not None:
            keys = await tenant_crud.mark_deleting(session, state.tenant, state.deletion)
            state.invalidations |= dict.fromkeys(map(api_key_key, keys), GONE)
            state.invalidations[tenant_key(self.code)] = GONE

    async def _announce(self, state: TenantState) -> None:
        """After the commit: the cache learns of it, and the bytes of removed rows go."""
        await self._cache.invalidate(state.invalidations)
        await asyncio.gather(*(self._remove_bytes(place) for place in state.removals))

    async def _remove_bytes(self, place: str) -> None:
        """What fails here, or is not reached in a crash, the sweeper does: there is a row in `removals`."""
        try:
            await self._disk.remove(place)
        except MunimentError as error:
            log.warning("bytes left to the sweeper", extra={"tenant": self.code, "reason": str(error)})


def _apply(change: Change[Any], state: TenantState, remembered: dict[UUID, Json]) -> Any:
    """The change's answer, or the expected error that it raised."""
    if state.deletion is not None:
        return NotFound("tenant")
    try:
        if (outcome := remembered.get(change.call_id)) is not None:
            return change.recall(outcome, state)
        return change.apply(state)
    except MunimentError as error:
        return error


def _answer(waiting: _Waiting, answer: Any) -> None:
    """Hand over what the change answered or raised, unless the actor was closed meanwhile."""
    if waiting.answer.done():
        return
    if isinstance(answer, Exception):
        waiting.answer.set_exception(answer)
        # A caller that was cancelled never asks for it.
        waiting.answer.exception()
    else:
        waiting.answer.set_result(answer)
