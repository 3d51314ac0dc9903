"""Groups of small files: each has its own end, and what fails leaves nothing."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage import files_on_disk, small_files
from storage.errors import NotFound, Unavailable
from storage.files_on_disk import FilesOnDisk, fsync_folder
from storage.small_files import SmallFiles


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[FilesOnDisk]:
    opened = FilesOnDisk(tmp_path)
    await opened.prepare()
    await opened.prepare_tenant("acme")
    yield opened
    await opened.close()


def files_in(disk: FilesOnDisk) -> list[str]:
    return sorted(str(path.relative_to(disk.base)) for path in disk.base.rglob("*") if path.is_file())


def place(number: int, month: str = "2026-11") -> str:
    return f"acme/{month}/fs_{number}.txt"


async def place_all(disk: FilesOnDisk, contents: dict[str, bytes]) -> list[Any]:
    """What each answered or raised; all of them are one group."""
    files = SmallFiles(disk)
    return await asyncio.gather(
        *(files.place(relative, content, len) for relative, content in contents.items()), return_exceptions=True
    )


async def test_files_of_a_moment_are_one_group_and_a_folder_is_synced_once(
    disk: FilesOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []

    def noted(folder: Path) -> None:
        synced.append(folder)
        fsync_folder(folder)

    monkeypatch.setattr(small_files, "fsync_folder", noted)
    assert await place_all(disk, {place(1): b"one", place(2): b"second", place(3, "2026-12"): b""}) == [3, 6, 0]
    assert sorted(synced) == [disk.base / "acme/2026-11", disk.base / "acme/2026-12"]
    assert (disk.base / place(2)).read_bytes() == b"second"
    # Until it is settled, each has a second name that says where it is.
    assert (disk.base / place(1)).stat().st_nlink == 2
    assert (disk.base / ".incoming/acme/fs_1.2026-11.txt").exists()


async def test_a_settled_file_has_one_name(disk: FilesOnDisk) -> None:
    files = SmallFiles(disk)
    for number in (1, 2):
        await files.place(place(number), b"text", len)
        files.settle(place(number))
    files.settle(place(3))
    await files.close()
    assert files_in(disk) == [place(1), place(2)]


def fail(*_: Any, **__: Any) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


async def test_one_that_fails_does_not_take_its_neighbours_with_it(disk: FilesOnDisk) -> None:
    def refuse(_: bytes) -> int:
        raise ValueError("not this one")

    files = SmallFiles(disk)
    answers = await asyncio.gather(
        files.place(place(1), b"good", len),
        files.place(place(2), b"bad", refuse),
        files.place("gone/2026-11/fs_3.txt", b"of a tenant that is gone", len),
        return_exceptions=True,
    )
    assert answers[0] == 4
    assert isinstance(answers[1], ValueError)
    assert isinstance(answers[2], NotFound)
    assert files_in(disk) == [".incoming/acme/fs_1.2026-11.txt", place(1)]


@pytest.mark.parametrize("step", ["write", "fsync"])
async def test_a_disk_that_fails_leaves_nothing(disk: FilesOnDisk, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    await place_all(disk, {place(1): b"there before"})
    before = files_in(disk)
    monkeypatch.setattr(os, step, fail)
    answers = await place_all(disk, {place(2): b"two", place(3): b"three"})
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    assert files_in(disk) == before


async def test_a_folder_that_cannot_be_synced_loses_all_files_of_the_group_in_it(
    disk: FilesOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Path] = []

    def refuses_one(folder: Path) -> None:
        tries.append(folder)
        if folder.name == "2026-11":
            fail()

    monkeypatch.setattr(small_files, "fsync_folder", refuses_one)
    answers = await place_all(disk, {place(1): b"one", place(2): b"two", place(3, "2026-12"): b"three"})
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable, int]
    # A second sync may succeed after the first has told of the loss.
    assert len(tries) == 2
    assert files_in(disk) == [".incoming/acme/fs_3.2026-12.txt", place(3, "2026-12")]


async def test_a_name_that_cannot_be_removed_stays_for_the_sweeper(
    disk: FilesOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = SmallFiles(disk)
    await files.place(place(1), b"text", len)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail)
        files.settle(place(1))
        await files.close()
        patched.setattr(os, "fsync", fail)
        assert isinstance((await place_all(disk, {place(2): b"two"}))[0], Unavailable)
    assert {incoming.place for incoming in await disk.old_incoming(-1)} == {place(1), place(2)}


async def test_a_volume_says_whether_it_has_hard_links(
    disk: FilesOnDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert disk.has_hard_links
    monkeypatch.setattr(Path, "hardlink_to", fail)
    other = FilesOnDisk(tmp_path / "other")
    await other.prepare()
    assert not other.has_hard_links
    assert list((tmp_path / "other" / files_on_disk.INCOMING).iterdir()) == []


async def test_names_of_incoming_bytes_say_what_they_are(disk: FilesOnDisk) -> None:
    folder = disk.base / ".incoming"
    for name in ("fs_1", "fs_2.copy", "fs_3.2026-11", "fs_4.2026-11.pdf", "fs_5.pdf", "other"):
        (folder / "acme" / name).touch()
    (folder / "no-folder").touch()
    found = sorted((incoming.file_id, incoming.place) for incoming in await disk.old_incoming(-1))
    expected = [("fs_1", ""), ("fs_2", ""), ("fs_3", "acme/2026-11/fs_3"), ("fs_4", "acme/2026-11/fs_4.pdf")]
    assert found == expected
    assert await disk.old_incoming(3600) == []
