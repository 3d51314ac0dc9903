"""Processor time by role: unlike requests per second it hardly changes with what else runs on the machine."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import psutil


class ProcessorTime:
    """Seconds that processes and their children took while blocks ran, by role, and what was got done in these."""

    def __init__(self, roles: Mapping[str, Sequence[int]]) -> None:
        self._roles = {role: [psutil.Process(pid) for pid in pids] for role, pids in roles.items()}
        self._seconds = dict.fromkeys(roles, 0.0)
        self._done = 0

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        before = self._now()
        yield
        for role, after in self._now().items():
            # Of a child that ended meanwhile nothing is known; PostgreSQL's connections seldom do.
            self._seconds[role] += sum(seconds - before[role].get(pid, 0.0) for pid, seconds in after.items())

    def done(self, number: int) -> None:
        self._done += number

    def milliseconds_each(self) -> dict[str, float]:
        return {role: seconds / self._done * 1000 for role, seconds in self._seconds.items()}

    def _now(self) -> dict[str, dict[int, float]]:
        return {role: dict(_seconds(processes)) for role, processes in self._roles.items()}


def _seconds(processes: Sequence[psutil.Process]) -> Iterator[tuple[int, float]]:
    for process in [*processes, *(child for parent in processes for child in parent.children())]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            yield process.pid, times.user + times.system
