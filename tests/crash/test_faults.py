"""Servers that stop, and a volume that is full or broken, under load: clear refusals, and nothing lost or left."""

import errno
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from io import FileIO
from pathlib import Path

import pytest

from muniment.local.postgres import EmbeddedPostgres
from muniment.local.valkey import EmbeddedValkey
from tests.crash.disk_fault import DiskFault
from tests.crash.fault_run import at_work
from tests.crash.servers import Servers, servers

SEED = 1
SMALL_VOLUME = "64m"


@pytest.fixture(scope="module")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Servers of its own: they are stopped, and each run empties them."""
    async with servers(tmp_path_factory.mktemp("faults")) as running:
        yield running


async def end(server: EmbeddedPostgres | EmbeddedValkey, how: signal.Signals) -> None:
    assert server._child is not None
    os.kill(server._child.pid, how)
    await server._child.wait()


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL], ids=["immediately", "killed"])
async def test_a_database_that_stops(started: Servers, how: signal.Signals) -> None:
    async with at_work(await started.empty_place(), SEED) as run:
        await run.until_acknowledged(30)
        await end(started.postgres, how)
        await run.until_refused(10, "overloaded")
        await started.postgres.start()
        await run.until_acknowledged(30)


async def test_a_cache_that_stops(started: Servers) -> None:
    """Nobody notices, but that tenants' deletions end when it is back."""
    async with at_work(await started.empty_place(), SEED) as run:
        await run.until_acknowledged(30)
        await end(started.valkey, signal.SIGKILL)
        await run.until_acknowledged(30)
        await started.valkey.start()
        await run.until_acknowledged(30)
        assert not run.ledger.refusals


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "volume"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_VOLUME}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:  # noqa: S603
        pytest.skip("only root can mount a small volume")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607


def fill(file: Path) -> None:
    """Until there is not even room for a byte."""
    with file.open("wb", buffering=0) as ballast, pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        _write_on(ballast)


def _write_on(file: FileIO) -> None:
    while True:
        file.write(bytes(2**16))


async def test_a_volume_that_is_full(started: Servers, small_volume: Path) -> None:
    """What needs no room goes on."""
    where = replace(await started.empty_place(), base=small_volume / "files")
    async with at_work(where, SEED) as run:
        await run.until_acknowledged(30)
        fill(small_volume / "ballast")
        await run.until_refused(10, "storage-full")
        await run.until_acknowledged(10)
        (small_volume / "ballast").unlink()
        await run.until_acknowledged(30)
        assert set(run.ledger.refusals) == {"storage-full"}


@pytest.mark.parametrize(
    ("target", "refuses"),
    [
        ("os:fsync", True),
        ("os:write", True),
        ("os:pwrite", True),
        ("pathlib:Path.hardlink_to", True),
        ("pathlib:Path.rename", True),
        ("pathlib:Path.unlink", False),
    ],
)
async def test_a_disk_that_fails(started: Servers, target: str, *, refuses: bool) -> None:
    """`unlink` does not keep anybody from deleting: the bytes go later."""
    async with at_work(await started.empty_place(), SEED) as run:
        await run.until_acknowledged(30)
        await run.service.tell(DiskFault(target, errno.EIO))
        if refuses:
            await run.until_refused(5, "overloaded")
        await run.until_acknowledged(10)
        await run.service.tell("mend")
        await run.until_acknowledged(30)
