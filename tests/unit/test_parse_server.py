"""The fork server, in this process: it forks, reports, kills, and ends with its asker."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from actors.parse_server import EXIT, ParseServer


class Server:
    def __init__(self, run: Callable[[socket.socket], None]) -> None:
        self.control, theirs = socket.socketpair()
        self._thread = threading.Thread(target=ParseServer(theirs, run).serve)
        self._thread.start()

    def fork(self) -> tuple[socket.socket, socket.socket]:
        """Our ends of the child's job and of its report."""
        job, their_job = socket.socketpair()
        report, their_report = socket.socketpair()
        with their_job, their_report:
            socket.send_fds(self.control, [b"f"], [their_job.fileno(), their_report.fileno()])
        report.settimeout(20)
        job.settimeout(20)
        return job, report

    def stop(self) -> None:
        self.control.close()
        self._thread.join()


def work_as_told(job: socket.socket) -> None:
    match job.recv(1):
        case b"g":
            job.sendall(b"done")
        case b"s":
            job.sendall(b"asleep")
            time.sleep(3600)
        case _:
            raise ValueError


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(work_as_told)
    yield server
    server.stop()


def test_a_childs_end_is_reported(server: Server) -> None:
    job, report = server.fork()
    with job, report:
        job.sendall(b"g")
        assert job.recv(10) == b"done"
        exit_code, largest = EXIT.unpack(report.recv(EXIT.size))
        assert exit_code == 0
        assert largest > 2**20
        assert report.recv(1) == b""


def test_a_child_that_fails_says_so(server: Server) -> None:
    job, report = server.fork()
    with job, report:
        job.sendall(b"?")
        assert EXIT.unpack(report.recv(EXIT.size))[0] == 1


def test_a_child_is_killed_when_its_asker_hangs_up(server: Server) -> None:
    job, report = server.fork()
    with job, report:
        job.sendall(b"s")
        assert job.recv(10) == b"asleep"
        report.shutdown(socket.SHUT_WR)
        assert EXIT.unpack(report.recv(EXIT.size))[0] == -9


def test_nobody_has_to_hear_a_report(server: Server) -> None:
    job, report = server.fork()
    with job:
        job.sendall(b"s")
        assert job.recv(10) == b"asleep"
        report.close()
        assert job.recv(1) == b""
    after, report = server.fork()
    with after, report:
        after.sendall(b"g")
        assert after.recv(10) == b"done"


def test_children_of_one_server_run_side_by_side(server: Server) -> None:
    asked = [server.fork() for _ in range(3)]
    for job, _ in asked:
        job.sendall(b"s")
    assert [job.recv(10) for job, _ in asked] == [b"asleep"] * 3
    for job, report in asked:
        report.shutdown(socket.SHUT_WR)
        assert EXIT.unpack(report.recv(EXIT.size))[0] == -9
        job.close()
        report.close()
