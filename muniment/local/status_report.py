"""`muniment status`: what runs on this home, where, and how much it holds."""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from muniment.local.counts import count
from muniment.local.home import Home, HomeLock, RunningInstance
from muniment.local.leftovers import processes_of
from muniment.local.postgres import processes_on
from muniment.local.roles import Titled, by_role
from storage.errors import Unavailable
from storage.settings import Settings

NOT_RUNNING = 3
"""Exit status, as service managers use it."""


@dataclass(frozen=True)
class Status:
    instance: RunningInstance
    processes: dict[str, list[int]]
    memory_bytes: dict[int, int]
    """Resident memory by process id; memory that processes share is counted for each."""
    counts: dict[str, Any] | None
    """None while the database does not answer."""

    def as_json(self) -> dict[str, Any]:
        """Keys and passwords are not in it: it is meant for logs and dashboards too."""
        return {
            "running": True,
            "home": self.instance.home,
            "addresses": self.instance.addresses,
            "processes": self.processes,
            "memory_bytes": {str(pid): size for pid, size in self.memory_bytes.items()},
            "counts": self.counts,
        }


def show(settings: Settings, *, as_json: bool) -> int:
    """Print it; answer the exit status."""
    home = Home(settings.home)
    instance = home.running_instance()
    if instance is None:
        starting = HomeLock(home).holder() is not None
        found = {"running": False, "starting": starting, "home": str(home.folder)}
        tell(
            json.dumps(found)
            if as_json
            else f"{'A Muniment is starting' if starting else 'No Muniment runs'} on {home.folder}."
        )
        return NOT_RUNNING
    status = collect(home, instance)
    tell(json.dumps(status.as_json(), indent=2) if as_json else readable(status))
    return 0


def collect(home: Home, instance: RunningInstance) -> Status:
    processes = by_role(_titled(home, instance))
    memory = {pid: size for pids in processes.values() for pid in pids if (size := _resident(pid))}
    return Status(instance, processes, memory, _counts(instance))


def _counts(instance: RunningInstance) -> dict[str, Any] | None:
    try:
        return asyncio.run(count(instance.database_url))
    except Unavailable:
        return None


def readable(status: Status) -> str:
    lines = [f"Muniment on {status.instance.home}"]
    lines += [f"  {service:<11} {url}" for service, url in status.instance.addresses.items()]
    for role, pids in status.processes.items():
        size = sum(status.memory_bytes.get(pid, 0) for pid in pids) / 2**20
        lines.append(f"  {role:<17}{len(pids):>3} processes {size:>7.0f} MiB   {' '.join(map(str, pids))}")
    if status.counts is None:
        return "\n".join([*lines, "  the database does not answer"])
    lines += [f"  {name}: {value}" for name, value in status.counts.items()]
    return "\n".join(lines)


def _titled(home: Home, instance: RunningInstance) -> list[Titled]:
    found = {
        process.pid: process
        for process in (
            *processes_of(home, Path(instance.ray_folder)),
            *processes_on(home.folder / "postgres"),
        )
    }
    titled = []
    for process in found.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            title = " ".join(process.cmdline()[:1])
            titled.append(Titled(process.pid, process.ppid(), process.name(), title))
    return [Titled(instance.supervisor, 0, "supervisor", "supervisor"), *titled]


def _resident(pid: int) -> int:
    with contextlib.suppress(psutil.Error):
        size: int = psutil.Process(pid).memory_info().rss
        return size
    return 0


def tell(text: str) -> None:
    print(text)  # noqa: T201
