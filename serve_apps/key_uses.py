"""When API keys were last used: noted in the background, for each key once a minute."""

import asyncio
import logging
import time

from storage import tenant_crud
from storage.database import Database
from storage.errors import MunimentError

log = logging.getLogger(__name__)

NOTE_SECONDS = 60
"""`time_last_used` is that exact."""
MAX_REMEMBERED = 10_000


class KeyUses:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[str, float] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, key_id: str) -> None:
        now = time.monotonic()
        if now - self._noted.get(key_id, -NOTE_SECONDS) < NOTE_SECONDS:
            return
        if len(self._noted) >= MAX_REMEMBERED:
            self._noted.clear()
        self._noted[key_id] = now
        task = asyncio.create_task(self._write(key_id))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, key_id: str) -> None:
        try:
            async with self._database.transaction() as session:
                await tenant_crud.note_key_use(session, key_id)
        except MunimentError as error:
            log.warning("key use not noted", extra={"key": key_id, "reason": str(error)})

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._writing, return_exceptions=True)
