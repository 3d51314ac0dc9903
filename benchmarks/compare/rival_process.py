"""A rival's process: asked for one document after the other, within limits, and started anew when it passes them."""

import contextlib
import json
import os
import resource
import signal
import subprocess
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

PROGRAM = Path(__file__).with_name("rival.py")
START_SECONDS = 120.0
DOCUMENT_SECONDS = 90.0
ADDRESS_SPACE = 12 * 2**30
"""Java reserves far more than it uses."""

Reading = dict[str, Any]


class Rival:
    """`version` is None where it cannot work here: `reason` says why."""

    def __init__(self, name: str, python: Path, log: Path) -> None:
        self.name, self._python, self._log = name, python, log
        self._process: subprocess.Popen[str] | None = None
        told = self._start()
        self.version: str | None = told.get("version")
        self.reason: str = told.get("error", "")

    def read(self, path: Path, languages: list[str]) -> Reading:
        """`text` and `markdown`, or an `error`."""
        if self._process is None and "error" in (told := self._start()):
            return told
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({"path": str(path), "languages": languages}) + "\n")
            process.stdin.flush()
        except OSError:
            self.stop()
            return {"error": "it died"}
        return self._answer(DOCUMENT_SECONDS)

    def stop(self) -> None:
        if self._process is not None:
            # What it started is in its group: Java, Tesseract.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def _start(self) -> Reading:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._python, PROGRAM, self.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                preexec_fn=_limited,  # noqa: PLW1509 - it makes one system call
            )
        return self._answer(START_SECONDS)

    def _answer(self, seconds: float) -> Reading:
        assert self._process is not None
        assert self._process.stdout is not None
        lines: Queue[str] = Queue()
        Thread(target=lambda stream: lines.put(stream.readline()), args=(self._process.stdout,), daemon=True).start()
        try:
            line = lines.get(timeout=seconds)
        except Empty:
            self.stop()
            return {"error": f"no answer within {seconds:.0f} s"}
        if not line:
            self.stop()
            return {"error": "it died"}
        told: Reading = json.loads(line)
        return told


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
