"""Small files, put in their place many at a time.

A sync of a hundred files that are written already costs little more than a sync of one. So what waits is a group: a
thread writes all of it, syncs each file, gives each its place by a hard link, and syncs every folder once.

A file keeps its incoming name until its row is committed. That name says where the bytes lie, so whoever dies between
the link and the commit leaves enough behind for the sweeper: see docs/write-protocol.md.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from storage.batching import Batcher
from storage.files_on_disk import FilesOnDisk, fsync_folder

T = TypeVar("T")

SMALL_BYTES = 256 * 1024
"""What is larger does not wait for others, nor in memory."""
CLOSED = -1
LARGEST_GROUP = 64
GROUPS_IN_FLIGHT = 2
"""While the disk syncs one group the next is written."""


class SmallFiles:
    """Needs a volume with hard links: `FilesOnDisk.has_hard_links`."""

    def __init__(self, disk: FilesOnDisk) -> None:
        self._disk = disk
        self._groups: Batcher[_Arrival, None] = Batcher(
            self._place_group, largest=LARGEST_GROUP, in_flight=GROUPS_IN_FLIGHT
        )
        self._settled: list[Path] = []
        self._settling: asyncio.Task[None] | None = None

    async def place(self, relative: str, content: bytes, judge: Callable[[bytes], T]) -> T:
        """What `judge` answers; the content is then durable in its place, and under its incoming name as well.

        `judge` runs in a thread, before anything is written. Whatever is raised, by it or for the disk, nothing stays.
        Raises `NotFound` when the tenant is gone. Whoever is cancelled meanwhile leaves the file to the sweeper.
        """
        arrival = _Arrival(self._disk, relative, content, judge)
        await self._groups.ask(arrival)
        if arrival.failure is not None:
            raise arrival.failure
        return cast("T", arrival.judgement)

    async def _place_group(self, group: "list[_Arrival]") -> list[None]:
        await self._disk.in_thread(_place_all, group)
        return [None] * len(group)

    def settle(self, relative: str) -> None:
        """The file's row is committed: its incoming name goes, in the background."""
        self._settled.append(self._disk.small_incoming_path(relative))
        if self._settling is None:
            self._settling = asyncio.create_task(self._settle_all())

    async def _settle_all(self) -> None:
        while names := self._settled:
            self._settled = []
            await self._disk.in_thread(_unlink_all, names)
        self._settling = None

    async def close(self) -> None:
        """Wait for the names that are still to go."""
        if self._settling is not None:
            await self._settling


class _Arrival:
    """A file of a group, and the steps that it goes through. `failure` says why it went no further."""

    def __init__(self, disk: FilesOnDisk, relative: str, content: bytes, judge: Callable[[bytes], Any]) -> None:
        self._disk = disk
        self._content = content
        self._judge = judge
        self._incoming = disk.small_incoming_path(relative)
        self._place = disk.path(relative)
        self._descriptor = CLOSED
        self.folder = self._place.parent
        self.judgement: Any = None
        self.failure: Exception | None = None

    def attempt(self, step: "Callable[[_Arrival], None]") -> None:
        """A step, unless one before it has failed; its failure is this file's alone."""
        if self.failure is not None:
            return
        try:
            with self._disk.errors():
                step(self)
        except Exception as error:  # noqa: BLE001 - it is for whoever waits
            self.failure = error
            self._undo()

    def judge(self) -> None:
        self.judgement = self._judge(self._content)

    def write(self) -> None:
        self._descriptor = os.open(self._incoming, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        rest = memoryview(self._content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def sync(self) -> None:
        os.fsync(self._descriptor)
        self._close()

    def link(self) -> None:
        self._disk.prepare_month(self.folder)
        self._place.hardlink_to(self._incoming)

    def _close(self) -> None:
        if self._descriptor != CLOSED:
            descriptor, self._descriptor = self._descriptor, CLOSED
            os.close(descriptor)

    def _undo(self) -> None:
        # What cannot be removed the sweeper finds by the incoming name, so that goes last.
        with contextlib.suppress(OSError):
            self._close()
            self._place.unlink(missing_ok=True)
            self._incoming.unlink(missing_ok=True)


def _place_all(group: list[_Arrival]) -> None:
    # Each step for all, before the next for any: see above.
    for step in (_Arrival.judge, _Arrival.write, _Arrival.sync, _Arrival.link):
        for arrival in group:
            arrival.attempt(step)
    for folder in {arrival.folder for arrival in group if arrival.failure is None}:
        _sync_folder(folder, [arrival for arrival in group if arrival.folder == folder])


def _sync_folder(folder: Path, arrivals: list[_Arrival]) -> None:
    """Once: a second sync may well succeed after the first has told of a loss."""
    try:
        fsync_folder(folder)
    except OSError as error:
        lost = error

        def fail(_: _Arrival) -> None:
            raise lost

        for arrival in arrivals:
            arrival.attempt(fail)


def _unlink_all(names: list[Path]) -> None:
    for name in names:
        # What stays the sweeper removes.
        with contextlib.suppress(OSError):
            name.unlink(missing_ok=True)
