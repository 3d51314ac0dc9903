"""Processes of an earlier run on the same home: found by what they carry, stopped before a new run starts."""

import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from muniment.local.home import MARKER, Home

STOP_SECONDS = 10.0


@dataclass(frozen=True)
class ProcessFacts:
    marker: str
    """Value of the home marker in its environment, empty where it has none."""
    title: str
    open_files: tuple[str, ...]


def belongs_to(facts: ProcessFacts, home: Path, ray_folder: Path) -> bool:
    """Whether a process was started for this home.

    Some of Ray's processes overwrite their environment with their title; these are known by the logs they write.
    """
    if facts.marker == str(home):
        return True
    return facts.title.startswith("ray::") and any(Path(file).is_relative_to(ray_folder) for file in facts.open_files)


def processes_of(home: Home, ray_folder: Path) -> list[psutil.Process]:
    """All processes started for this home, except this one and those that it runs under."""
    me = psutil.Process()
    own = {me.pid, *(parent.pid for parent in me.parents())}
    return [
        process
        for process in psutil.process_iter()
        if process.pid not in own and belongs_to(_facts(process), home.folder, ray_folder)
    ]


def stop_leftovers(home: Home, ray_folder: Path) -> int:
    """Kill what an earlier run left behind, and answer how many processes that were.

    At once and hard: they serve a run that is over. PostgreSQL is not among them, it is asked to stop by its own code.
    """
    found = [process for process in processes_of(home, ray_folder) if not _is_postgres(process)]
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(found, timeout=STOP_SECONDS)
    return len(found)


def _is_postgres(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.name() == "postgres"
    return False


def _facts(process: psutil.Process) -> ProcessFacts:
    with contextlib.suppress(psutil.Error, OSError):
        title = " ".join(process.cmdline()[:1])
        marker = _marker(process.pid)
        # Listing open files is slow, so only where nothing else can tell.
        files = process.open_files() if not marker and title.startswith("ray::") else []
        return ProcessFacts(marker, title, tuple(file.path for file in files))
    return ProcessFacts("", "", ())


def _marker(pid: int) -> str:
    return environment_value(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"), MARKER)


def environment_value(environment: Iterable[bytes], name: str) -> str:
    prefix = os.fsencode(f"{name}=")
    return next((os.fsdecode(entry.removeprefix(prefix)) for entry in environment if entry.startswith(prefix)), "")
