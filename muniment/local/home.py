"""The folder of one Muniment: who holds it, what runs on it, and where its short-lived files are."""

import fcntl
import hashlib
import json
import os
import stat
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

MARKER = "MUNIMENT_INSTANCE"
"""Environment variable that every process started for a home carries; its value is the home's absolute path."""

LONGEST_SOCKET_FOLDER = 40
"""Ray appends up to 64 characters to its folder for its sockets, and a socket's path may have 107 bytes."""


class AlreadyRunning(RuntimeError):
    """Another `muniment up` holds this home."""

    def __init__(self, home: Path, process: str) -> None:
        super().__init__(home, process)
        self.home, self.process = home, process

    def __str__(self) -> str:
        return f"A Muniment already runs on {self.home} (process {self.process}); `muniment status` tells where."


@dataclass(frozen=True)
class RunningInstance:
    """What a running instance tells about itself to `muniment status` and to tests."""

    home: str
    supervisor: int
    addresses: dict[str, str]
    database_url: str
    redis_url: str
    ray_address: str
    ray_folder: str
    processes: dict[str, int] = field(default_factory=dict)


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    def ray_folder(self) -> Path:
        """Ray's folder: short whatever the home's path is, on a local file system, and entered by its owner only."""
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        parent = Path(tempfile.gettempdir())
        if len(os.fsencode(parent / f"muniment-{digest}")) > LONGEST_SOCKET_FOLDER:
            parent = Path("/tmp")  # noqa: S108 - the folder below is checked to be ours alone
        # Ray opens its own folder to everybody, so that folder stands inside one that is closed.
        return _private_folder(parent / f"muniment-{digest}") / "ray"

    def announce(self, instance: RunningInstance) -> None:
        """Readable by the owner only: the URLs hold passwords."""
        temporary = self.folder / "instance.json.new"
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(asdict(instance), indent=2))
        temporary.replace(self.folder / "instance.json")

    def running_instance(self) -> RunningInstance | None:
        """The instance that runs on this home now, or None; what a crashed run left does not count."""
        if HomeLock(self).holder() is None:
            return None
        try:
            told: dict[str, Any] = json.loads((self.folder / "instance.json").read_text())
        except FileNotFoundError:
            return None
        return RunningInstance(**told)


def _private_folder(folder: Path) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        # In a folder that everybody writes to, somebody else may have been there first.
        raise PermissionError(f"{folder} is not a private folder of this user; remove it or set TMPDIR")
    return folder


class HomeLock:
    """Held for as long as the instance runs; the kernel lets go of it however the process ends."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._path = home.folder / "lock"
        self._file: int | None = None

    def __enter__(self) -> Self:
        self._home.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise AlreadyRunning(self._home.folder, self._path.read_text().strip() or "unknown") from None
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        (self._home.folder / "instance.json").unlink(missing_ok=True)
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            (self._home.folder / "instance.json").unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def holder(self) -> int | None:
        """The process that holds the lock now."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(self._path.read_text() or 0)
        finally:
            os.close(file)
        return None
