"""What one would write by hand instead: FastAPI and uvicorn, files on one disk, one process.

It keeps the promises that cost time and can be compared: bytes streamed, never whole in memory; fsync of file and
folder before the answer; the name appears at once (rename). With a database URL it also commits a row for each file. It
knows no tenants, keys, quotas, checks or digests. `python -m benchmarks.peer PORT FOLDER [DATABASE_URL]`.
"""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiofiles
import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import FileResponse

WRITE_BYTES = 2**20
TABLE = """
CREATE TABLE IF NOT EXISTS benchmark_peer_files
    (id text PRIMARY KEY, size bigint NOT NULL, time_created timestamptz DEFAULT now())
"""
INSERT = "INSERT INTO benchmark_peer_files (id, size) VALUES ($1, $2)"


def make_app(folder: Path, database_url: str) -> FastAPI:
    incoming = folder / ".incoming"
    incoming.mkdir(parents=True, exist_ok=True)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(database_url, min_size=1, max_size=10) if database_url else None
        if app.state.pool:
            await app.state.pool.execute(TABLE)
        yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/files", status_code=201)
    async def upload(request: Request) -> dict[str, str | int]:
        identifier = secrets.token_hex(12)
        size = await receive(request, incoming / identifier)
        await asyncio.to_thread(keep, incoming / identifier, folder / identifier)
        if app.state.pool:
            await app.state.pool.execute(INSERT, identifier, size)
        return {"id": identifier, "file_size_bytes": size}

    @app.get("/files/{identifier}/content")
    async def content(identifier: str) -> FileResponse:
        return FileResponse(folder / identifier)

    return app


async def receive(request: Request, path: Path) -> int:
    size = 0
    waiting = bytearray()
    async with aiofiles.open(path, "wb", buffering=0) as file:
        async for chunk in request.stream():
            size += len(chunk)
            waiting += chunk
            if len(waiting) >= WRITE_BYTES:
                await file.write(waiting)
                waiting = bytearray()
        await file.write(waiting)
    return size


def keep(received: Path, place: Path) -> None:
    """Make the bytes durable, then give them their name, then make the name durable."""
    sync(received)
    received.rename(place)
    sync(place.parent)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main() -> None:
    port, folder, *rest = sys.argv[1:]
    app = make_app(Path(folder), rest[0] if rest else "")
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
