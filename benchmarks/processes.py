"""Servers that a benchmark starts beside itself, and how much memory they take."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server(module: str, *arguments: str, port: int, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """`python -m module arguments` until the block ends; yields its process id once `port` answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], cwd=REPOSITORY, env=os.environ | dict(env or {})
    )
    try:
        _wait_listening(process, port)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def _wait_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with {process.returncode} before it listened.")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"Nothing listens on port {port}.")


class MemoryWatch:
    """Highest resident memory of some processes together while the block runs, above what they had before it."""

    EVERY_SECONDS = 0.05

    def __init__(self, pids: list[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._stop = threading.Event()
        self.before = self.peak = 0

    @property
    def growth(self) -> int:
        return self.peak - self.before

    def __enter__(self) -> Self:
        self.before = self.peak = self._resident()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self.EVERY_SECONDS):
            self.peak = max(self.peak, self._resident())

    def _resident(self) -> int:
        return sum(process.memory_info().rss for process in self._processes)
