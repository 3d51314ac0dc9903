"""Secrets that the service makes for itself."""

import stat
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Barrier

from storage.key_files import read_or_create_secret


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "pepper"
    assert read_or_create_secret(path, lambda: "one") == "one"
    assert read_or_create_secret(path, lambda: "two") == "one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_processes_that_race_get_the_same_secret(tmp_path: Path) -> None:
    """The race: all see that there is none yet, each makes one."""
    together, numbers = Barrier(8), count()

    def create() -> str:
        together.wait(10)
        return f"secret {next(numbers)}"

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: read_or_create_secret(tmp_path / "key", create), range(8)))
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
