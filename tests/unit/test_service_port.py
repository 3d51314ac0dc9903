"""The port that a replica opens itself, with real sockets."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps import bounded_head
from serve_apps.service_port import DIRECT, ListenerDied, ServicePort

LOOPBACK = "127.0.0.1"
MIB = 2**20


class Gate:
    """An app whose answer waits until it is let go."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.let_go = asyncio.Event()

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.entered.set()
        await self.let_go.wait()
        await answer(send, b"done")


async def answer(send: Send, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def plain(_scope: Scope, _receive: Receive, send: Send) -> None:
    await answer(send, b"plain")


@asynccontextmanager
async def opened(app: ASGIApp) -> AsyncIterator[tuple[ServicePort, httpx.AsyncClient]]:
    port = ServicePort(app, LOOPBACK, 0)
    await port.open()
    try:
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port.port}") as client:
            yield port, client
    finally:
        await port.drain(0)


async def test_it_listens_when_open_returns_and_marks_requests_as_direct() -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await answer(send, b"")

    async with opened(app) as (port, client):
        port.check()
        assert (await client.get("/v1/tenants")).status_code == 200
        assert [(scope["path"], scope["root_path"], scope[DIRECT]) for scope in scopes] == [("/v1/tenants", "", True)]


async def test_two_replicas_share_a_port() -> None:
    async with opened(plain) as (port, _):
        neighbour = ServicePort(plain, LOOPBACK, port.port)
        await neighbour.open()
        port.check()
        neighbour.check()
        await port.drain(1)
        async with httpx.AsyncClient() as client:
            for _ in range(10):
                assert (await client.get(f"http://{LOOPBACK}:{neighbour.port}/")).text == "plain"
        await neighbour.drain(1)


async def test_a_port_taken_by_someone_who_does_not_share_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            await ServicePort(plain, LOOPBACK, taken.getsockname()[1]).open()


async def test_requests_are_in_flight_until_they_are_answered() -> None:
    gate = Gate()
    async with opened(gate) as (port, client):
        assert port.in_flight == 0
        request = asyncio.create_task(client.get("/"))
        await gate.entered.wait()
        assert port.in_flight == 1
        gate.let_go.set()
        await request
        await reached(lambda: port.in_flight == 0)


async def test_a_drain_finishes_what_is_in_flight_and_refuses_newcomers() -> None:
    gate = Gate()
    async with opened(gate) as (port, client):
        request = asyncio.create_task(client.get("/"))
        await gate.entered.wait()
        drain = asyncio.create_task(port.drain(10))
        await reached(lambda: refused(port.port))
        assert not drain.done()
        gate.let_go.set()
        response = await request
        assert (response.text, response.headers["connection"]) == ("done", "close")
        await drain


async def test_a_drain_closes_connections_that_wait_for_nothing() -> None:
    async with opened(plain) as (port, _):
        reader, writer = await asyncio.open_connection(LOOPBACK, port.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"plain")
        await port.drain(10)
        assert await reader.read() == b""
        writer.close()


async def test_what_is_unfinished_after_the_time_limit_is_cut_off() -> None:
    gate = Gate()
    async with opened(gate) as (port, client):
        request = asyncio.create_task(client.get("/", timeout=10))
        await gate.entered.wait()
        await port.drain(0.01)
        assert port.in_flight == 0
        with pytest.raises(httpx.HTTPError):
            (await request).raise_for_status()


async def test_draining_twice_is_draining_once() -> None:
    async with opened(plain) as (port, _):
        await asyncio.gather(port.drain(1), port.drain(1))
        await port.drain(1)


async def test_a_listener_that_died_fails_the_check() -> None:
    async with opened(plain) as (port, _):
        listener = port._socket
        assert listener is not None
        listener.shutdown(socket.SHUT_RDWR)
        with pytest.raises(ListenerDied):
            port.check()


async def test_a_port_that_was_never_opened_fails_the_check() -> None:
    with pytest.raises(ListenerDied):
        ServicePort(plain, LOOPBACK, 0).check()


@pytest.mark.parametrize("line", [b"\r\nX-Filler: " + b"a" * 1000, b"a" * 1000], ids=["lines", "one line"])
async def test_endless_headers_are_cut_off(line: bytes) -> None:
    async with opened(plain) as (port, _):
        reader, writer = await asyncio.open_connection(LOOPBACK, port.port)
        writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 8 * MIB and not reader.at_eof():
                writer.write(line * 64)
                await writer.drain()
                sent += len(line) * 64
        assert sent < 8 * MIB
        writer.transport.abort()
    assert port.in_flight == 0


AMBIGUOUS = {
    "two lengths": b"Content-Length: 2\r\nContent-Length: 5\r\n\r\nabcde",
    "the same length twice": b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
    "a list of lengths": b"Content-Length: 2, 2\r\n\r\nab",
    "length and chunks": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a negative length": b"Content-Length: -2\r\n\r\nab",
    "a signed length": b"Content-Length: +2\r\n\r\nab",
    "a length in hexadecimal": b"Content-Length: 0x2\r\n\r\nab",
    "a length that no number holds": b"Content-Length: 99999999999999999999999\r\n\r\nab",
    "a negative chunk": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    "a chunk that no number holds": b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    "a folded line": b"X-A: a\r\n b\r\n\r\n",
    "NUL": b"X-A: a\0b\r\n\r\n",
    "a carriage return": b"X-A: a\rX-B: b\r\n\r\n",
    "a space before the colon": b"X-A : a\r\n\r\n",
    "no colon": b"X-A\r\n\r\n",
}


@pytest.mark.parametrize("rest", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_a_head_that_two_servers_might_read_differently_is_refused(rest: bytes) -> None:
    """What follows it on the connection would be a second request to one of them."""
    paths: list[str] = []

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        paths.append(scope["path"])
        while (await receive()).get("more_body"):
            pass
        await answer(send, b"read")

    async with opened(noted) as (port, _):
        reader, writer = await asyncio.open_connection(LOOPBACK, port.port)
        writer.write(b"POST /one HTTP/1.1\r\nHost: a\r\n" + rest + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
        await reader.read()
        writer.close()
    assert "/smuggled" not in paths


@pytest.mark.parametrize("beginning", [b"", b"GET / HTTP/1.1\r\nHost: "])
async def test_a_head_that_does_not_come_in_time_is_refused(beginning: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_head, "HEAD_SECONDS", 0.1)
    async with opened(plain) as (port, _):
        reader, writer = await asyncio.open_connection(LOOPBACK, port.port)
        writer.write(beginning)
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()


async def test_a_head_in_time_may_be_followed_by_a_slow_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_head, "HEAD_SECONDS", 0.1)
    gate = Gate()
    async with opened(gate) as (port, client):
        request = asyncio.create_task(client.post("/", content=b"body"))
        await gate.entered.wait()
        await asyncio.sleep(0.3)  # longer than a head may take
        gate.let_go.set()
        assert (await request).text == "done"
        assert port.in_flight == 0


async def test_a_slow_handler_stops_the_sender() -> None:
    """What the sender gets rid of stays far below what it wants to send: socket buffers, and little more."""
    gate = Gate()
    async with opened(gate) as (port, _):
        _, writer = await asyncio.open_connection(LOOPBACK, port.port)
        writer.write(f"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: {256 * MIB}\r\n\r\n".encode())
        taken = 0
        while await taken_at_once(writer):
            taken += MIB
        assert taken < 32 * MIB
        writer.transport.abort()
        gate.let_go.set()


async def test_a_slow_reader_stops_the_handler() -> None:
    handed_over, stopped = 0, asyncio.Event()

    async def large(_scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal handed_over
        await send({"type": "http.response.start", "status": 200, "headers": []})
        with contextlib.suppress(TimeoutError):
            while handed_over < 256 * MIB:
                async with asyncio.timeout(1):
                    await send({"type": "http.response.body", "body": bytes(MIB), "more_body": True})
                handed_over += MIB
        stopped.set()

    async with opened(large) as (port, _):
        with socket.create_connection((LOOPBACK, port.port)) as reader:
            reader.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await stopped.wait()
        assert handed_over < 32 * MIB


async def reached(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the other side is a socket, it has no event to wait for
            await asyncio.sleep(0.01)


async def taken_at_once(writer: asyncio.StreamWriter) -> bool:
    """Whether another MiB leaves this process within a second."""
    writer.write(bytes(MIB))
    try:
        async with asyncio.timeout(1):
            await writer.drain()
    except TimeoutError:
        return False
    return True


def refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) != 0
