"""The file service's replica as Serve makes it, without a cluster: its port, its health, its end."""

from pathlib import Path

import httpx
import pytest

from actors.tenant_handle import TenantHosts
from serve_apps.files import app as files_app
from serve_apps.service_port import ListenerDied
from storage.settings import Settings


async def test_a_replica_serves_on_its_own_port_until_its_lifespan_ends(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        home=tmp_path,
        database_url=database_url,
        redis_url=redis_url,
        operator_key="operator key",
        key_pepper="pepper",
        files_port=0,
    )
    monkeypatch.setattr(files_app, "get_settings", lambda: settings)
    monkeypatch.setattr(files_app, "configure_logging", lambda *_: None)
    # Outside a cluster Ray would start one to look for the hosts.
    monkeypatch.setattr(TenantHosts, "wake", lambda _: None)
    replica = files_app.FileReplica()
    app = replica.__serve_build_asgi_app__()
    async with app.router.lifespan_context(app):
        replica.check_health()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{replica.port.port}", trust_env=False) as client:
            assert (await client.get("/healthz/ready")).status_code == 200
            answer = await client.get("/v1/tenants", headers={"Authorization": "Bearer operator key"})
            assert answer.status_code == 200
    with pytest.raises(ListenerDied):
        replica.check_health()
