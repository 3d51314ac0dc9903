"""A fork server: a process that has the checks loaded and forks a bounded child for every archive.

`python -m storage.upload_checks.check_server FD`, where FD is its end of a socket pair. Each message on it carries a
socket; the child reads a request from that and writes a report to it. When the other end closes, by whatever death, the
server ends, and the kernel ends its children with it. Single-threaded, so that forking is safe; started with an empty
environment, so that a child that is taken over finds no keys.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from storage.upload_checks.archive_budget import WalkLimits
from storage.upload_checks.archive_report import report_on

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_GRACE_SECONDS = 5.0
_libc = ctypes.CDLL(None, use_errno=True)


def serve(control: socket.socket) -> None:  # pragma: no cover - here and below: seen from outside, by its effects
    """Forks a child for each socket that arrives, until the other end is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends whoever holds the other end; that ends this
    server = os.getpid()
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        if os.fork() == 0:
            control.close()
            _child(socket.socket(fileno=descriptors[0]), server)
        os.close(descriptors[0])


def answer(connection: socket.socket, bound: Callable[[float, int], None]) -> None:
    """Reads one request, has `bound(seconds, memory_bytes)` limit this process, and writes the report."""
    with connection.makefile("rb") as requests:
        request: dict[str, Any] = json.loads(requests.readline())
    limits = WalkLimits(**request["limits"])
    bound(limits.max_seconds, request["memory_bytes"])
    report = report_on(Path(request["path"]), limits)
    connection.sendall(json.dumps(asdict(report)).encode())


def _child(connection: socket.socket, server: int) -> NoReturn:  # pragma: no cover
    """Whatever happens here ends this process without a word: the other end sees that there is no report."""
    try:
        _die_with(server)
        answer(connection, partial(_bound, connection))
    finally:
        os._exit(0)


def _die_with(server: int) -> None:  # pragma: no cover
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:  # it died before the line above
        os._exit(1)


def _bound(connection: socket.socket, seconds: float, memory_bytes: int) -> None:  # pragma: no cover
    """The walk watches its time itself; these end it where it cannot: inside of native code."""
    threading.Thread(target=_end_when_closed, args=(connection,), daemon=True).start()
    signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_SECONDS)
    for limited, most in (
        (resource.RLIMIT_CPU, int(seconds + _GRACE_SECONDS) + 1),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limited, (most, most))


def _end_when_closed(connection: socket.socket) -> None:  # pragma: no cover
    """Nothing more is ever sent: what ends the wait is that nobody wants the report any more."""
    connection.recv(1)
    os._exit(0)


if __name__ == "__main__":  # pragma: no cover
    serve(socket.socket(fileno=int(sys.argv[1])))
