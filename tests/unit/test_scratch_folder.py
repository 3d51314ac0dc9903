import os
from pathlib import Path

import pytest

from actors import scratch_folder
from actors.scratch_folder import LOCK, ScratchFolder


def test_a_folder_is_its_holders_alone_and_goes_with_it(tmp_path: Path) -> None:
    mine, others = ScratchFolder(tmp_path / "scratch"), ScratchFolder(tmp_path / "scratch")
    assert mine.path != others.path
    (mine.path / "parse-1").mkdir()
    mine.close()
    assert list((tmp_path / "scratch").iterdir()) == [others.path]
    others.close()


def test_what_a_killed_parser_left_is_removed_by_the_next(tmp_path: Path) -> None:
    killed = ScratchFolder(tmp_path)
    (killed.path / "parse-1").mkdir()
    (killed.path / "parse-1" / "page-1.png").touch()
    os.close(killed._lock)  # as the kernel does
    next_one = ScratchFolder(tmp_path)
    assert list(tmp_path.iterdir()) == [next_one.path]
    next_one.close()


def test_a_folder_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = scratch_folder._locked
    removals = iter(["before it has a lock", "while its lock is waited for"])

    def locked_late(folder: Path, operation: int) -> int:
        removal = next(removals, None)
        if removal == "before it has a lock":
            folder.rmdir()
        descriptor = lock(folder, operation)
        if removal == "while its lock is waited for":
            (folder / LOCK).unlink()
            folder.rmdir()
        return descriptor

    monkeypatch.setattr(scratch_folder, "_locked", locked_late)
    mine = ScratchFolder(tmp_path)
    assert list(tmp_path.iterdir()) == [mine.path]
    mine.close()
