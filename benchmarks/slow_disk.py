"""A disk that is slow for real: a file system on a loop device that the kernel throttles.

Needs root and the blkio controller of cgroup v1. Mounted `sync`, so that every write waits for the disk instead of
filling the page cache, as it is when that is full.
"""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

THROTTLE = Path("/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device")
MEMORY_FILE_SYSTEM = Path("/dev/shm")  # noqa: S108 - the device's blocks must not be slow by themselves


@contextlib.contextmanager
def slow_disk(size: int, bytes_per_second: int) -> Iterator[Path]:
    """An empty folder with room for `size` bytes, written at `bytes_per_second`."""
    with contextlib.ExitStack() as undo:
        image = undo.enter_context(tempfile.NamedTemporaryFile(dir=MEMORY_FILE_SYSTEM, suffix=".img"))
        image.truncate(size + size // 8)
        device = _run("losetup", "--find", "--show", image.name)
        undo.callback(_run, "losetup", "--detach", device)
        _run("mkfs.ext4", "-q", "-O", "^has_journal", device)
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        _run("mount", "-o", "sync,noatime", device, str(folder))
        undo.callback(_run, "umount", str(folder))
        number = (Path("/sys/block") / Path(device).name / "dev").read_text().strip()
        THROTTLE.write_text(f"{number} {bytes_per_second}")
        # Zero removes the limit.
        undo.callback(THROTTLE.write_text, f"{number} 0")
        yield folder


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
