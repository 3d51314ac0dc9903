"""The one load generator that both sides of every comparison are measured with.

Raw sockets, because an HTTP client library costs more than the servers compared here. Run it in a process of its own.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import httptools
import uvloop

CHUNK = bytes(range(256)) * 4096
"""1 MiB that does not compress to nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int
    key: str = ""
    prefix: str = ""
    """`/files` on the gateway, nothing on a service's own port."""

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """One whole request. Header names are given with `_` for `-`."""
        return self.head(method, path, len(body), **headers) + body

    def head(self, method: str, path: str, size: int, **headers: str) -> bytes:
        lines = [f"{method} {self.prefix}{path} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        if self.key:
            lines.append(f"Authorization: Bearer {self.key}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if size or method in {"POST", "PUT", "PATCH"}:
            lines.append(f"Content-Length: {size}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(slots=True)
class Rate:
    """What a number of connections got done; `latencies` in seconds."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, part: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)]

    def expect(self, status: int) -> "Rate":
        """Raise unless every answer had this status: refusals are fast, and would look like speed."""
        if set(self.statuses) != {status}:
            raise RuntimeError(f"Expected only {status}, got {self.statuses}")
        return self


def request_rate(target: Target, request: bytes, connections: int, seconds: float) -> Rate:
    """Keep `connections` busy with the same request, each waiting for its answer before it sends again."""

    def endless() -> Iterator[bytes]:
        while True:
            yield request

    return uvloop.run(_load(target, endless(), connections, seconds))


def each_once(target: Target, requests: Iterator[bytes], connections: int) -> Rate:
    """Send every request once, over `connections`."""
    return uvloop.run(_load(target, requests, connections, None))


async def _load(target: Target, requests: Iterator[bytes], connections: int, seconds: float | None) -> Rate:
    loop = asyncio.get_running_loop()
    rate = Rate(0.0)
    started = time.perf_counter()
    deadline = started + seconds if seconds is not None else None
    protocols = []
    for _ in range(connections):
        _, protocol = await loop.create_connection(
            lambda: _Connection(requests, rate, deadline), target.host, target.port
        )
        protocols.append(protocol)
    await asyncio.gather(*(protocol.done for protocol in protocols))
    rate.seconds = time.perf_counter() - started
    return rate


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], rate: Rate, deadline: float | None) -> None:
        self._requests, self._rate, self._deadline = requests, rate, deadline
        self._parser = httptools.HttpResponseParser(self)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's do not inherit from it
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        request = None
        if self._deadline is None or self._sent < self._deadline:
            request = next(self._requests, None)
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self._rate.latencies.append(time.perf_counter() - self._sent)
        self._rate.statuses[status] = self._rate.statuses.get(status, 0) + 1
        self._parser = httptools.HttpResponseParser(self)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not self.done.done():
            self.done.set_exception(exc)
        elif not self.done.done():
            self.done.set_result(None)


@dataclass(frozen=True, slots=True)
class Transfer:
    seconds: float
    status: int
    size: int
    headers: dict[str, str]
    body: bytes
    """The answer's body where it was short."""


def upload(target: Target, path: str, size: int, *, method: str = "POST", **headers: str) -> Transfer:
    """Send `size` bytes as one raw body."""
    started = time.perf_counter()
    with socket.create_connection((target.host, target.port)) as connection:
        connection.sendall(target.head(method, path, size, **headers))
        for sent in range(0, size, len(CHUNK)):
            connection.sendall(memoryview(CHUNK)[: size - sent])
        return _read_answer(connection, started)


def download(target: Target, path: str, *, between_reads: Callable[[int], None] = lambda _: None) -> Transfer:
    """Fetch; `between_reads` is told the bytes of each read and may take its time: a slow client."""
    started = time.perf_counter()
    with socket.create_connection((target.host, target.port)) as connection:
        connection.sendall(target.request("GET", path))
        return _read_answer(connection, started, between_reads)


def _read_answer(
    connection: socket.socket, started: float, between_reads: Callable[[int], None] = lambda _: None
) -> Transfer:
    answer = _Answer()
    buffer = bytearray(2**20)
    while not answer.complete:
        count = connection.recv_into(buffer)
        if count == 0:
            raise ConnectionError("The server closed the connection in the middle of its answer.")
        answer.parser.feed_data(memoryview(buffer)[:count])
        between_reads(count)
    seconds = time.perf_counter() - started
    return Transfer(seconds, answer.parser.get_status_code(), answer.size, answer.headers, bytes(answer.body))


class _Answer:
    SHORT = 64 * 1024

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.complete, self.size = False, 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self.size += len(body)
        if self.size <= self.SHORT:
            self.body += body

    def on_message_complete(self) -> None:
        self.complete = True
