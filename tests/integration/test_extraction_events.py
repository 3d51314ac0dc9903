"""Server-sent events of a job, on real servers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from serve_apps.extraction import event_stream
from storage import extraction_queue
from tests.extraction_rows import LEASE
from tests.integration.extraction_service import Service, TenantClient, running_service, tenant_client, until_waiting


@dataclass(frozen=True, slots=True)
class Event:
    id: str
    name: str
    data: Any


@pytest.fixture
async def service(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path, database_url, redis_url) as service:
        yield service


@pytest.fixture
async def tenant(service: Service) -> TenantClient:
    return await tenant_client(service)


def _parsed(text: str) -> list[Event]:
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            events.append(Event(fields["id"], fields["event"], orjson.loads(fields["data"])))
    return events


async def test_a_stream_tells_state_and_progress_until_the_end(tenant: TenantClient) -> None:
    job = await tenant.created()
    # The whole answer arrives when the stream ends: this transport does not stream.
    streaming = asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}/events"))
    await until_waiting(tenant, job)
    claim = await tenant.rows.claimed()
    await asyncio.sleep(0.1)
    async with tenant.rows.database.transaction(tenant.rows.tenant_id) as session:
        await extraction_queue.report_progress(session, claim, 1, 2, LEASE)
    await asyncio.sleep(0.1)
    await tenant.rows.finish(claim)
    response = await asyncio.wait_for(streaming, 5)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = _parsed(response.text)
    assert [(event.name, event.data.get("state")) for event in events] == [
        ("state", "queued"),
        ("state", "running"),
        ("progress", None),
        ("state", "succeeded"),
    ]
    assert events[2].data == {"pages_done": 1, "pages_total": 2}
    assert events[3].data["id"] == job


async def test_a_stream_that_is_resumed_tells_only_what_is_new(tenant: TenantClient) -> None:
    job = await tenant.created()
    claim = await tenant.rows.claimed()
    await tenant.rows.finish(claim)
    events = _parsed((await tenant.get(f"{tenant.jobs}/{job}/events")).text)
    assert [event.name for event in events] == ["state"]
    again = await tenant.get(f"{tenant.jobs}/{job}/events", headers={"Last-Event-ID": events[0].id})
    assert _parsed(again.text) == []
    older = await tenant.get(f"{tenant.jobs}/{job}/events", headers={"Last-Event-ID": "0-queued-0-0"})
    assert [event.data["state"] for event in _parsed(older.text)] == ["succeeded"]


async def test_a_silent_stream_says_that_it_lives(tenant: TenantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "KEEP_ALIVE_SECONDS", 0.05)
    job = await tenant.created()
    streaming = asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}/events"))
    await until_waiting(tenant, job)
    await asyncio.sleep(0.2)
    await tenant.rows.cancel(job)
    assert ": alive\n\n" in (await asyncio.wait_for(streaming, 5)).text


async def test_a_stream_ends_with_its_job_or_its_replica(tenant: TenantClient) -> None:
    deleted, waiting = await tenant.created(), await tenant.created()
    streams = [asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}/events")) for job in (deleted, waiting)]
    await until_waiting(tenant, deleted)
    await until_waiting(tenant, waiting)
    await tenant.rows.delete(deleted)
    await asyncio.wait_for(streams[0], 5)
    tenant.service.app.state.job_changes.release_all()
    await asyncio.wait_for(streams[1], 5)


async def test_another_tenants_events_do_not_exist(tenant: TenantClient, service: Service) -> None:
    job = await tenant.created()
    stranger = await tenant_client(service)
    assert (await stranger.get(f"{stranger.jobs}/{job}/events")).status_code == 404
