"""uvicorn against embedded Granian as the listener inside a replica: `python -m benchmarks.listeners`.

Decides docs/decisions/0001. Granian is not a dependency; install it beside the project for this comparison.
Both serve one FastAPI app in the event loop of a process that has something else to do as well, as in a Serve replica.
"""

import argparse
import asyncio
import contextlib
import http.client
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from statistics import median

import uvloop
from fastapi import FastAPI, Request
from starlette.responses import FileResponse, StreamingResponse

from benchmarks.load import Target, download, request_rate, upload
from benchmarks.processes import MemoryWatch, free_port, server
from serve_apps.service_port import ServicePort

MIB = 2**20
SIZE = 200 * MIB
CONNECTIONS = 32
SECONDS = 3.0
REPEATS = 3
READ_KIB = (64, 256, 512, 1024, 4096)
KINDS = ("uvicorn", "granian")


def make_app(folder: Path) -> FastAPI:
    app = FastAPI()
    add_small_calls(app)
    add_uploads(app, folder)
    add_downloads(app, folder / "source")
    return app


def add_small_calls(app: FastAPI) -> None:
    @app.get("/small")
    async def small() -> dict[str, str]:
        return {"id": "fs_1", "file_name": "a.pdf"}

    @app.post("/small")
    async def small_post(body: dict[str, str]) -> dict[str, str]:
        return body

    @app.get("/sleep/{seconds}")
    async def sleep(seconds: float) -> dict[str, float]:
        await asyncio.sleep(seconds)
        return {"slept": seconds}


def add_uploads(app: FastAPI, folder: Path) -> None:
    @app.post("/upload")
    async def store(request: Request) -> dict[str, int]:
        size = 0
        with (folder / "stored").open("wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(os.fsync, file.fileno())
        return {"size": size}

    @app.post("/slow-upload")
    async def store_slowly(request: Request) -> dict[str, int]:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            await asyncio.sleep(0.001)
        return {"size": size}


def add_downloads(app: FastAPI, source: Path) -> None:
    @app.get("/file")
    async def file() -> FileResponse:
        return FileResponse(source)

    @app.get("/read/{kib}")
    async def read(kib: int) -> StreamingResponse:
        return StreamingResponse(read_in_thread(source, kib * 1024), headers={"content-length": str(SIZE)})

    @app.get("/ahead/{kib}")
    async def ahead(kib: int) -> StreamingResponse:
        return StreamingResponse(read_ahead(source, kib * 1024), headers={"content-length": str(SIZE)})


async def read_in_thread(path: Path, chunk: int) -> AsyncIterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while data := await asyncio.to_thread(file.read, chunk):
            yield data


async def read_ahead(path: Path, chunk: int) -> AsyncIterator[bytes]:
    """The next read runs while the chunk before it is being sent."""
    with path.open("rb", buffering=0) as file:
        reading = asyncio.create_task(asyncio.to_thread(file.read, chunk))
        while data := await reading:
            reading = asyncio.create_task(asyncio.to_thread(file.read, chunk))
            yield data


async def serve(kind: str, port: int, folder: Path) -> None:
    app = make_app(folder)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if kind == "uvicorn":
        listener = ServicePort(app, "127.0.0.1", port)
        await listener.open()
        await stop.wait()
        await listener.drain(10)
    else:
        from granian.server.embed import Server  # type: ignore[import-not-found]

        embedded = Server(
            app, "127.0.0.1", port, interface="asginl", websockets=False, http="1", log_enabled=False, backlog=2048
        )
        serving = asyncio.create_task(embedded.serve())
        await stop.wait()
        embedded.stop()
        await serving


def compare(folder: Path) -> dict[str, dict[str, str]]:
    """Every row for both listeners. Both run all the time and are measured in turn, so that noise meets both alike."""
    kinds = {kind: free_port() for kind in KINDS}
    targets = {kind: Target("127.0.0.1", port) for kind, port in kinds.items()}
    with contextlib.ExitStack() as servers:
        pids = {kind: servers.enter_context(_listener(kind, port, folder)) for kind, port in kinds.items()}
        rows = {
            "GET small, requests/s": in_turn(targets, small_get),
            "POST small, requests/s": in_turn(targets, small_post),
            "200 MiB up to disk, MiB/s": in_turn(targets, up),
            "200 MiB down by FileResponse, MiB/s": in_turn(targets, down("/file")),
        }
        for kib in READ_KIB:
            rows[f"200 MiB down by reads of {kib} KiB, MiB/s"] = in_turn(targets, down(f"/read/{kib}"))
        rows["200 MiB down by reads ahead of 512 KiB, MiB/s"] = in_turn(targets, down("/ahead/512"))
        rows["memory, slow handler"] = {kind: memory_of_slow_handler(targets[kind], pids[kind]) for kind in KINDS}
        rows["memory, slow client"] = {kind: memory_of_slow_client(targets[kind], pids[kind]) for kind in KINDS}
    rows["told to stop"] = {kind: drain(kind, folder) for kind in KINDS}
    return rows


def _listener(kind: str, port: int, folder: Path) -> contextlib.AbstractContextManager[int]:
    return server("benchmarks.listeners", "--serve", kind, str(port), str(folder), port=port)


def in_turn(targets: dict[str, Target], measure: Callable[[Target], float]) -> dict[str, str]:
    """Medians of figures where more is better."""
    found: dict[str, list[float]] = {kind: [] for kind in targets}
    for _ in range(REPEATS):
        for kind, target in targets.items():
            found[kind].append(measure(target))
    return {kind: f"{median(figures):.0f}" for kind, figures in found.items()}


def small_get(target: Target) -> float:
    return request_rate(target, target.request("GET", "/small"), CONNECTIONS, SECONDS).expect(200).per_second


def small_post(target: Target) -> float:
    request = target.request("POST", "/small", b'{"file_name": "a.pdf"}', Content_Type="application/json")
    return request_rate(target, request, CONNECTIONS, SECONDS).expect(200).per_second


def up(target: Target) -> float:
    return SIZE / MIB / upload(target, "/upload", SIZE).seconds


def down(path: str) -> Callable[[Target], float]:
    return lambda target: SIZE / MIB / download(target, path).seconds


def memory_of_slow_handler(target: Target, pid: int) -> str:
    with MemoryWatch([pid]) as memory:
        upload(target, "/slow-upload", SIZE)
    return f"+{memory.growth / MIB:.1f} MiB"


def memory_of_slow_client(target: Target, pid: int) -> str:
    with MemoryWatch([pid]) as memory:
        download(target, "/read/512", between_reads=lambda count: time.sleep(count / (100 * MIB)))
    return f"+{memory.growth / MIB:.1f} MiB"


def drain(kind: str, folder: Path) -> str:
    """Stop while a request runs and an idle keep-alive connection is open; what do they and a newcomer see?"""
    port = free_port()
    seen: list[str] = []

    def in_flight() -> None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", "/sleep/3")
            seen.append(f"in flight: {connection.getresponse().status}")
        except (OSError, http.client.HTTPException) as error:
            seen.append(f"in flight: {type(error).__name__}")

    with _listener(kind, port, folder) as pid:
        request = threading.Thread(target=in_flight)
        request.start()
        idle = http.client.HTTPConnection("127.0.0.1", port)
        idle.request("GET", "/small")
        idle.getresponse().read()
        time.sleep(1)
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.5)
        seen.append(f"idle connection: {_closed(idle)}")
        seen.append(f"new connection: {_refused(port)}")
        request.join()
    return ", ".join(seen)


def _closed(idle: http.client.HTTPConnection) -> str:
    idle.sock.settimeout(1)
    try:
        return "closed" if idle.sock.recv(1) == b"" else "data"
    except TimeoutError:
        return "open"


def _refused(port: int) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.settimeout(1)
            return "answered" if connection.recv(100) else "closed without an answer"
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return type(error).__name__


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", nargs=3, metavar=("KIND", "PORT", "FOLDER"))
    chosen = parser.parse_args().serve
    if chosen:
        uvloop.run(serve(chosen[0], int(chosen[1]), Path(chosen[2])))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "source").write_bytes(os.urandom(SIZE))
        for row, figures in compare(folder).items():
            print(f"{row:46} " + "   ".join(f"{kind} {figure:>9}" for kind, figure in figures.items()))


if __name__ == "__main__":
    main()
