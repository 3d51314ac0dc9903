"""What happens on the real cluster is told, whatever dies meanwhile."""

from typing import Any

import orjson
from redis import Redis

from actors.event_redis import FIELD
from tests.client_contract import new_code
from tests.e2e.conftest import Cluster

STREAM = "muniment.events"
PATIENCE_MS = 60_000


def told_about(redis: "Redis", tenant_code: str, until: str) -> list[dict[str, Any]]:
    """The tenant's events up to one of the type, without repeats."""
    found: dict[str, dict[str, Any]] = {}
    position: Any = "0"
    while True:
        answer: Any = redis.xread({STREAM: position}, block=PATIENCE_MS)
        assert answer, f"nothing more was told: {list(found.values())}"
        # RESP3 answers with a map, RESP2 with pairs.
        (entries,) = answer.values() if isinstance(answer, dict) else [dict(answer)[STREAM.encode()]]
        for position, fields in entries[0] if isinstance(entries[0], list) else entries:  # noqa: B007
            event = orjson.loads(fields[FIELD.encode()])
            if event["subject"] == tenant_code:
                found.setdefault(event["id"], event)
                if event["type"] == until:
                    return list(found.values())


def test_a_tenants_life_is_told_in_order_although_its_hosts_are_killed(cluster: Cluster) -> None:
    with cluster.client() as operator, Redis.from_url(cluster.redis_url) as redis:
        tenant = operator.tenants.create(new_code())
        client = operator.for_tenant(tenant.code)
        stored = client.files.upload(b"some text to read", name="a.txt")
        cluster.kill("tenant-host")
        client.files.update(stored, {"tags": ["read"]})
        job = client.extractions.wait(client.extractions.submit(stored), timeout=120)
        cluster.kill("tenant-host")
        client.files.delete(stored)
        told = told_about(redis, tenant.code, until="muniment.file.deleted")
        operator.tenants.delete(tenant)
        assert told_about(redis, tenant.code, until="muniment.tenant.deleted")[:-1] == told
    types = [event["type"].removeprefix("muniment.") for event in told]
    assert types == ["tenant.created", "file.created", "file.updated", "extraction.finished", "file.deleted"]
    assert told[1]["data"]["sha256"] == stored.sha256
    assert (told[3]["data"]["id"], told[3]["data"]["state"]) == (job.id, job.state)


def test_an_extraction_is_told_although_the_hosts_were_killed_and_no_file_changes(cluster: Cluster) -> None:
    with cluster.client() as operator, Redis.from_url(cluster.redis_url) as redis:
        tenant = operator.tenants.create(new_code())
        client = operator.for_tenant(tenant.code)
        stored = client.files.upload(b"some more text to read", name="a.txt")
        cluster.kill("tenant-host")
        job = client.extractions.submit(stored)
        (*_, told) = told_about(redis, tenant.code, until="muniment.extraction.finished")
        assert told["data"]["id"] == job.id
        operator.tenants.delete(tenant)
