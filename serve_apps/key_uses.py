"""When API keys were last used: noted in the background, for each key once a minute."""

import asyncio
import logging
import time

from storage import tenant_crud
from storage.database import Database
from storage.errors import MunimentError
from storage.records import KeyRecord

log = logging.getLogger(__name__)

NOTE_SECONDS = 60
"""`time_last_used` is that exact."""
MAX_REMEMBERED = 10_000


class KeyUses:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[str, float] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, key: KeyRecord) -> None:
        now = time.monotonic()
        if now - self._noted.get(key.id, -NOTE_SECONDS) < NOTE_SECONDS:
            return
        if len(self._noted) >= MAX_REMEMBERED:
            self._noted.clear()
        self._noted[key.id] = now
        task = asyncio.create_task(self._write(key))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, key: KeyRecord) -> None:
        try:
            async with self._database.transaction(key.tenant_id) as session:
                await tenant_crud.note_key_use(session, key.tenant_id, key.id)
        except MunimentError as error:
            log.warning("key use not noted", extra={"key": key.id, "reason": str(error)})

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._writing, return_exceptions=True)
