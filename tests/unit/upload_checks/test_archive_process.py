"""The child process: what it is bounded by, and that nothing of it stays behind. These start real processes."""

import asyncio
import json
import os
import signal
import socket
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from storage.errors import Unavailable
from storage.tenant_configuration import ArchiveLimits
from storage.upload_checks import archive_process
from storage.upload_checks.archive_process import ArchiveChecker
from storage.upload_checks.archive_report import ArchiveReport
from storage.upload_checks.check_server import answer
from tests.unit.upload_checks.archive_samples import zip_of


@pytest.fixture
async def checker() -> AsyncIterator[ArchiveChecker]:
    async with ArchiveChecker() as checker:
        yield checker


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_of({"a": b"x"}))
    return path


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """Opening it for reading hangs until someone writes: what a child hangs in, in these tests."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - other processes set no events here
            await asyncio.sleep(0.01)


def server_of(checker: ArchiveChecker) -> psutil.Process:
    assert checker._server is not None
    return psutil.Process(checker._server._process.pid)


async def test_archives_are_looked_through_by_children_of_one_server(checker: ArchiveChecker, archive: Path) -> None:
    reports = await asyncio.gather(*(checker.check(archive, ArchiveLimits()) for _ in range(20)))
    assert set(reports) == {ArchiveReport("application/zip")}
    assert server_of(checker).name()
    refused = await checker.check(archive, ArchiveLimits(max_entries=1, max_nesting_depth=0, max_uncompressed_bytes=1))
    assert refused.reason is None
    await eventually(lambda: not server_of(checker).children())


async def test_no_more_children_run_at_once_than_allowed(pipe: Path) -> None:
    async with ArchiveChecker(max_children=2) as checker:
        checks = [asyncio.create_task(checker.check(pipe, ArchiveLimits(), owner)) for owner in "aabbc"]
        await eventually(lambda: checker._server is not None and len(server_of(checker).children()) == 2)
        for check in checks:
            check.cancel()
        await asyncio.gather(*checks, return_exceptions=True)


async def test_whoever_has_many_slow_archives_leaves_a_child_for_others(pipe: Path, archive: Path) -> None:
    async with ArchiveChecker(max_children=2) as checker:
        slow = [asyncio.create_task(checker.check(pipe, ArchiveLimits(), "many")) for _ in range(5)]
        await eventually(lambda: checker._server is not None and len(server_of(checker).children()) == 1)
        assert (await checker.check(archive, ArchiveLimits(), "another")).reason is None
        for check in slow:
            check.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_a_check_that_nobody_waits_for_any_more_ends(checker: ArchiveChecker, pipe: Path) -> None:
    check = asyncio.create_task(checker.check(pipe, ArchiveLimits()))
    await eventually(lambda: checker._server is not None and len(server_of(checker).children()) == 1)
    check.cancel()
    with pytest.raises(asyncio.CancelledError):
        await check
    await eventually(lambda: not server_of(checker).children())


async def test_a_child_that_hangs_is_killed_and_the_archive_refused(pipe: Path) -> None:
    async with ArchiveChecker(max_seconds=-4.5) as checker:  # half a second with the grace
        assert (await checker.check(pipe, ArchiveLimits())).reason == "corrupt"


async def test_a_child_that_dies_makes_the_archive_refused_and_the_next_is_looked_through(
    checker: ArchiveChecker, pipe: Path, archive: Path
) -> None:
    check = asyncio.create_task(checker.check(pipe, ArchiveLimits()))
    await eventually(lambda: checker._server is not None and len(server_of(checker).children()) == 1)
    server_of(checker).children()[0].kill()
    assert (await check).reason == "corrupt"
    assert (await checker.check(archive, ArchiveLimits())).reason is None


async def test_a_child_that_wants_too_much_memory_is_refused_it(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_of({"inner.zip": zip_of({"zeros": bytes(40 * 2**20)}, zipfile.ZIP_STORED)}))
    async with ArchiveChecker(memory_bytes=60 * 2**20) as checker:
        report = await checker.check(path, ArchiveLimits(max_compression_ratio=10_000))
        assert "too much memory" in report.detail


async def test_a_server_that_was_killed_is_replaced_and_its_children_die_with_it(
    checker: ArchiveChecker, pipe: Path, archive: Path
) -> None:
    assert (await checker.check(archive, ArchiveLimits())).reason is None
    hanging = asyncio.create_task(checker.check(pipe, ArchiveLimits()))
    await eventually(lambda: len(server_of(checker).children()) == 1)
    first, child = server_of(checker), server_of(checker).children()[0]
    first.kill()
    await eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert (await checker.check(archive, ArchiveLimits())).reason is None
    assert server_of(checker).pid != first.pid
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)


async def test_a_server_that_has_just_died_gives_no_reply() -> None:
    server = archive_process._Server()
    psutil.Process(server._process.pid).kill()
    assert server.has_died()
    assert await server.ask(b"{}\n") == b""
    server.end()


async def test_without_a_server_the_check_is_not_available(
    archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(archive_process, "_SOURCE_ROOT", tmp_path)  # nothing to import there
    monkeypatch.setattr(sys, "executable", "/bin/false")
    async with ArchiveChecker() as checker:
        with pytest.raises(Unavailable):
            await checker.check(archive, ArchiveLimits())


async def test_closing_ends_the_server_and_can_be_repeated(archive: Path) -> None:
    checker = ArchiveChecker()
    await checker.close()
    await checker.check(archive, ArchiveLimits())
    server = server_of(checker)
    await checker.close()
    await checker.close()
    assert not server.is_running()


async def test_the_server_sees_nothing_of_the_environment(
    checker: ArchiveChecker, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_OPERATOR_KEY", "not for the server")
    await checker.check(archive, ArchiveLimits())
    environment = server_of(checker).environ()
    assert "PYTHONPATH" in environment
    assert not any(name.startswith("MUNIMENT") for name in environment)


async def test_a_service_that_is_killed_leaves_neither_server_nor_child_behind(pipe: Path) -> None:
    script = (
        "import asyncio, pathlib, sys\n"
        "from storage.upload_checks.archive_process import ArchiveChecker\n"
        "from storage.tenant_configuration import ArchiveLimits\n"
        "asyncio.run(ArchiveChecker().check(pathlib.Path(sys.argv[1]), ArchiveLimits()))\n"
    )
    service = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(pipe))
    family = psutil.Process(service.pid)
    await eventually(lambda: len(family.children(recursive=True)) == 2)
    started = family.children(recursive=True)
    os.kill(service.pid, signal.SIGKILL)
    await service.wait()
    await eventually(lambda: not any(process.is_running() for process in started))


def test_a_request_is_bounded_before_it_is_answered(archive: Path) -> None:
    limits = {**ArchiveLimits().model_dump(), "max_seconds": 5.0}
    bounds: list[tuple[float, int]] = []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(json.dumps({"path": str(archive), "limits": limits, "memory_bytes": 7}).encode() + b"\n")
        answer(theirs, lambda seconds, memory: bounds.append((seconds, memory)))
        assert json.loads(ours.recv(4096)) == {"zip_type": "application/zip", "reason": None, "detail": ""}
    assert bounds == [(5.0, 7)]
