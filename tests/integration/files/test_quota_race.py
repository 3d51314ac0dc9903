"""Many clients against one quota: never a byte over it, and nothing refused that would have fitted."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.file_service import FileService, SampleTenant

CLIENTS, UPLOADS = 50, 3
QUOTA = 6_000_000
RAW = {"Content-Type": "application/octet-stream", "Content-Disposition": 'attachment; filename="a.bin"'}
PIECE = 64 * 1024


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    """A body that does not tell its length."""
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


async def upload(tenant: SampleTenant, size: int, form: str) -> httpx.Response:
    content = bytes(size)
    if form == "form":
        return await tenant.upload(content, "a.bin", "application/octet-stream")
    body: Any = content if form == "told" else pieces(content)
    return await tenant.request("POST", "/files", content=body, headers=RAW)


@pytest.mark.parametrize("seed", range(3))
async def test_a_quota_of_bytes_is_exact_under_many_clients(service: FileService, seed: int) -> None:
    tenant = await service.tenant(max_total_bytes=QUOTA)
    chance = random.Random(seed)  # noqa: S311 - a mix of sizes, no secret
    # Small files and large ones go different ways, and so do those whose length is not told.
    plans = [
        (chance.choice((1, 5_000, 90_000, 300_000, 700_000)), chance.choice(("told", "untold", "form")))
        for _ in range(CLIENTS * UPLOADS)
    ]
    seen: list[int] = []

    async def client(number: int) -> list[tuple[int, httpx.Response]]:
        answers = []
        for size, form in plans[number::CLIENTS]:
            answers.append((size, await upload(tenant, size, form)))
            stats = await tenant.stats()
            seen.append(stats["total_bytes"] + stats["reserved_bytes"])
        return answers

    answers = [answer for some in await asyncio.gather(*map(client, range(CLIENTS))) for answer in some]
    stored = [size for size, answer in answers if answer.status_code == 201]
    refused = [(size, answer) for size, answer in answers if answer.status_code != 201]
    assert {(answer.status_code, answer.json()["code"]) for _, answer in refused} == {(507, "quota-exceeded")}
    stats = await tenant.stats()
    assert (stats["total_bytes"], stats["file_count"], stats["reserved_bytes"]) == (sum(stored), len(stored), 0)
    assert max(seen) <= QUOTA
    # What is used only grows here, so whatever was refused would not fit now either.
    free = QUOTA - stats["total_bytes"]
    assert min(size for size, _ in refused) > free
    if free:
        assert (await upload(tenant, free, "told")).status_code == 201
    assert (await upload(tenant, 1, "told")).json()["code"] == "quota-exceeded"
    await service.services.small_files.close()
    assert sum(path.stat().st_size for path in tenant.files_on_disk()) == QUOTA


@pytest.mark.parametrize("size", [10, 300_000])
async def test_a_quota_of_files_is_exact_under_many_clients(service: FileService, size: int) -> None:
    tenant = await service.tenant(max_files=20)
    forms = ["told", "untold", "form"] * CLIENTS
    answers = await asyncio.gather(*(upload(tenant, size, form) for form in forms[:CLIENTS]))
    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [507] * 30
    assert (await tenant.stats())["file_count"] == 20
