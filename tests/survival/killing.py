"""Kills whatever works on jobs, one process at a time, after numbers of ended jobs that the seed decides."""

import asyncio
import os
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from signal import SIGKILL, SIGSTOP, Signals
from typing import Self

import psutil

from muniment.local.counts import count
from muniment.local.home import Home
from muniment.local.status_report import collect
from storage.extraction_records import FINAL_STATES
from tests.e2e.conftest import Cluster

LOOK_SECONDS = 1.0
Victims = Callable[["Processes"], list[int]]


class Processes:
    """The instance's processes as they are now."""

    def __init__(self, home: Home) -> None:
        instance = home.running_instance()
        assert instance is not None
        self._by_role = collect(home, instance).processes

    def of(self, role: str) -> list[int]:
        return self._by_role[role]

    def children(self, pids: Sequence[int]) -> list[int]:
        return [child for pid in pids for child in _children(pid)]


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.NoSuchProcess:
        return []


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    find: Victims
    how: Signals = SIGKILL


def _role(role: str) -> Victims:
    return lambda processes: processes.of(role)


def _children_of(role: str) -> Victims:
    return lambda processes: processes.children(processes.of(role))


def _grandchildren_of(role: str) -> Victims:
    return lambda processes: processes.children(processes.children(processes.of(role)))


TARGETS = (
    Target("parser replica", _role("parser")),
    Target("OCR replica", _role("ocr")),
    Target("job runner", _role("job-runner")),
    Target("parse server", _children_of("parser")),
    Target("parsing child", _grandchildren_of("parser")),
    Target("OCR engine", _children_of("ocr")),
    # It hangs for ever, as native code does.
    Target("OCR engine (stopped)", _children_of("ocr"), SIGSTOP),
    Target("tenant host", _role("tenant-host")),
    Target("Serve controller", _role("serve-controller")),
)


@dataclass(frozen=True, slots=True)
class Kill:
    target: Target
    pid: int
    time: datetime


class Killer:
    """Inside the block, one process of each target in turn, each time `fewest` to `most` jobs have ended.

    Not by time: on a busy machine a job would be killed each time that it is tried. A target without a process at that
    moment is left out until its next turn.
    """

    def __init__(
        self, cluster: Cluster, seed: int, fewest: int, most: int, targets: Sequence[Target] = TARGETS
    ) -> None:
        self._home, self._database_url = Home(cluster.home), cluster.database_url
        self._fewest, self._most = fewest, most
        self._chance = random.Random(f"kills {seed}")  # noqa: S311 - the same order again
        self._targets = cycle(self._chance.sample(targets, len(targets)))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="killer")
        self.kills: list[Kill] = []
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            due = self._ended() + 1
            while not self._over.wait(self._chance.uniform(0.1, LOOK_SECONDS)):
                if (ended := self._ended()) >= due:
                    self._kill(next(self._targets))
                    due = ended + self._chance.randint(self._fewest, self._most)
        except BaseException as error:  # noqa: BLE001 - told by who started this thread
            self.failure = error

    def _ended(self) -> int:
        counts = asyncio.run(count(self._database_url))["extractions"]
        return sum(number for state, number in counts.items() if state in FINAL_STATES)

    def _kill(self, target: Target) -> None:
        victims = target.find(Processes(self._home))
        if not victims:
            return
        victim = self._chance.choice(victims)
        try:
            os.kill(victim, target.how)
        except ProcessLookupError:
            return  # it ended by itself, as parsing children do
        self.kills.append(Kill(target, victim, datetime.now(UTC)))
