"""The extraction service's replica as Serve makes it, without a cluster: its port, its health, its end."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from serve_apps.extraction import app as extraction_app
from serve_apps.service_port import ListenerDied
from storage.database import Database
from storage.settings import Settings
from tests.extraction_rows import make_tenant

OPERATOR = {"Authorization": "Bearer operator key"}


async def test_a_replica_that_ends_answers_its_long_polls_before_the_port_closes(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        home=tmp_path,
        database_url=database_url,
        redis_url=redis_url,
        operator_key="operator key",
        key_pepper="pepper",
        extraction_port=0,
    )
    monkeypatch.setattr(extraction_app, "get_settings", lambda: settings)
    monkeypatch.setattr(extraction_app, "configure_logging", lambda *_: None)
    replica = extraction_app.ExtractionReplica(None)
    app = replica.__serve_build_asgi_app__()
    database = Database(database_url)
    rows = await make_tenant(database)
    job = await rows.job()
    async with httpx.AsyncClient(headers=OPERATOR, timeout=60, trust_env=False) as client:
        async with app.router.lifespan_context(app):
            replica.check_health()
            address = f"http://127.0.0.1:{replica.port.port}"
            path = f"{address}/v1/tenants/{rows.code}/extractions/{job.id}"
            assert (await client.get(f"{address}/healthz/ready")).status_code == 200
            polling = asyncio.create_task(client.get(f"{path}?wait=50"))
            async with asyncio.timeout(10):
                while True:
                    if job.id in app.state.job_changes._waiting:
                        break
                    await asyncio.sleep(0.01)
            asked_to_end = time.monotonic()
        assert (await polling).json()["state"] == "queued"
        assert time.monotonic() - asked_to_end < settings.drain_seconds / 2
    with pytest.raises(ListenerDied):
        replica.check_health()
    await database.close()
