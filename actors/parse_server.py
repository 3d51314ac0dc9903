"""A process with the parsing libraries loaded that forks a child for each document.

Why not `multiprocessing`'s fork server: it imports the parent's `__main__` in every child, which in a Ray worker is
Ray itself. Here a child costs a fork, and it dies with whoever asked for it: it is killed when the asker closes its
end of `report`, and when this process goes.
"""

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Callable

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1

EXIT = struct.Struct(">iQ")
"""How a child ended: its wait status (negative: signal), and its largest resident size in bytes."""


class ParseServer:
    """Forks `run(job)` for each pair of sockets that comes over `control`, until the other end closes."""

    def __init__(self, control: socket.socket, run: Callable[[socket.socket], None]) -> None:
        self._control = control
        self._run = run
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, self._accept)
        self._open = True

    def serve(self) -> None:
        while self._open:
            for key, _ in self._selector.select():
                key.data()

    def _accept(self) -> None:
        message, descriptors, _, _ = socket.recv_fds(self._control, 1, 2)
        if not message:
            self._open = False
            return
        job, report = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_child(job, server)  # pragma: no cover - runs in the forked child
        job.close()
        _Child(pid, report, self._selector)

    def _become_child(self, job: socket.socket, server: int) -> None:  # pragma: no cover - runs in the forked child
        status = 1
        try:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != server:
                return  # the server was killed before its death would have been told
            os.closerange(3, job.fileno())
            os.closerange(job.fileno() + 1, 1024)
            self._run(job)
            status = 0
        finally:
            os._exit(status)


class _Child:
    """A forked child: killed when its asker has gone, reported when it ends."""

    def __init__(self, pid: int, report: socket.socket, selector: selectors.BaseSelector) -> None:
        self._pid, self._report, self._selector = pid, report, selector
        self._pidfd = os.pidfd_open(pid)
        self._reaped = False
        selector.register(self._pidfd, selectors.EVENT_READ, self._reap)
        selector.register(report, selectors.EVENT_READ, self._kill)

    def _kill(self) -> None:
        # Once reaped, the number may belong to another process.
        if not self._reaped:  # pragma: no branch - both at once is a matter of luck
            os.kill(self._pid, signal.SIGKILL)
            self._selector.unregister(self._report)

    def _reap(self) -> None:
        _, status, usage = os.wait4(self._pid, 0)
        self._reaped = True
        self._selector.unregister(self._pidfd)
        os.close(self._pidfd)
        if self._report in self._selector.get_map():
            self._selector.unregister(self._report)
        with contextlib.suppress(OSError):  # nobody may be waiting for it any more
            self._report.sendall(EXIT.pack(os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024))
        self._report.close()


def main() -> None:  # pragma: no cover - the entry of a process of its own
    from actors.parse_child import preload, run_job

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preload()
    control = socket.socket(fileno=int(sys.argv[1]))
    control.sendall(b"!")  # loaded
    ParseServer(control, run_job).serve()


if __name__ == "__main__":  # pragma: no cover
    main()
