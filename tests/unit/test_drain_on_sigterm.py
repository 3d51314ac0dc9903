"""A replica's process that is told to end, as Ray does it: the main thread exits, the event loop lives in another."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
REPLICA = """
import asyncio, signal, sys, threading
from fastapi import FastAPI
from ray._private import worker
from serve_apps.ingress import IngressReplica
from storage.settings import Settings

app = FastAPI()
let_go = asyncio.Event()

@app.get("/slow")
async def slow() -> str:
    tell("entered")
    await let_go.wait()
    # Threads must still be there for what a request does at its end.
    return await asyncio.to_thread(lambda: "finished")

def tell(line) -> None:
    print(line, flush=True)

def end(*_) -> None:
    # As Ray's handler does.
    worker.raise_sys_exit_with_custom_error_message("The process receives a SIGTERM.", exit_code=1)
    loop.call_soon_threadsafe(let_go.set)

async def run() -> None:
    replica = IngressReplica(app, Settings(drain_seconds=20), 0)
    async with app.router.lifespan_context(app):
        tell(replica.port.port)
        await asyncio.Event().wait()

signal.signal(signal.SIGTERM, end)
loop = asyncio.new_event_loop()
threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True).start()
while True:
    signal.pause()
"""


@contextlib.asynccontextmanager
async def replica() -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.StreamReader]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", REPLICA, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_sigterm_lets_requests_on_the_port_finish() -> None:
    async with replica() as (process, printed), httpx.AsyncClient(timeout=30) as client:
        port = int(await printed.readline())
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/slow"))
        assert await printed.readline() == b"entered\n"
        process.send_signal(signal.SIGTERM)
        assert (await request).json() == "finished"
        assert await process.wait() == 1
