"""A parser's folder for page images. It is locked as long as the parser lives; what others left goes with the next."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

LOCK = "held"


class ScratchFolder:
    def __init__(self, base: Path) -> None:
        """A folder of this process alone, below `base`; folders there whose holder is gone are removed."""
        base.mkdir(parents=True, exist_ok=True)
        remove_abandoned(base)
        self.path, self._lock = _locked_folder(base)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def remove_abandoned(base: Path) -> None:
    for folder in base.iterdir():
        with contextlib.suppress(FileNotFoundError, BlockingIOError):  # gone meanwhile, or held
            lock = _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _locked_folder(base: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix="parser-", dir=base))
        # Until it is locked it looks abandoned, and somebody may remove it.
        with contextlib.suppress(FileNotFoundError):
            lock = _locked(folder, fcntl.LOCK_EX)
            if (folder / LOCK).exists():
                return folder, lock
            os.close(lock)


def _locked(folder: Path, operation: int) -> int:
    """A descriptor that holds the folder's lock until it is closed, or its process has ended."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
