"""How soon a key stops working, whatever becomes of the message that it was revoked: everywhere within a second."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from muniment.local.ports import free_port
from serve_apps.auth import KEY_SECONDS
from storage.cache_keys import api_key_key
from tests.file_service import FileService, SampleTenant, file_service


@dataclass(frozen=True, slots=True)
class Key:
    tenant: SampleTenant
    id: str
    secret: str

    async def status_at(self, replica: FileService) -> int:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return (await replica.http.get(self.tenant.path, headers=headers)).status_code

    async def revoke_at(self, replica: FileService) -> float:
        """When it was revoked, in seconds since 1970."""
        assert (await replica.http.delete(f"{self.tenant.path}/api-keys/{self.id}")).status_code == 204
        return time.time()

    async def is_refused_soon(self, replica: FileService, since: float) -> None:
        """Whoever asks a second after the revocation is refused."""
        while True:
            asked = time.time()
            if await self.status_at(replica) == 401:
                return
            assert asked < since + 1


@pytest.fixture(scope="module")
async def replica(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str
) -> AsyncIterator[FileService]:
    """Another one than `service`, on the same servers."""
    async with file_service(tmp_path_factory.mktemp("replica"), database_url, redis_url) as running:
        yield running


@pytest.fixture
async def key(tenant: SampleTenant, replica: FileService) -> Key:
    """One that the replica has in its cache."""
    made = (await tenant.request("POST", "/api-keys", json={"scopes": ["files:read"]})).json()
    found = Key(tenant, made["id"], made["secret"])
    assert await found.status_at(replica) == 200
    return found


async def test_a_revoked_key_is_refused_at_once_everywhere(
    service: FileService, replica: FileService, key: Key
) -> None:
    await key.revoke_at(service)
    assert await key.status_at(replica) == 401
    assert await key.status_at(service) == 401


async def test_a_revocation_that_the_cache_never_heard_of_holds_within_a_second(
    replica: FileService, key: Key, tmp_path: Path, database_url: str
) -> None:
    """The replica that revokes cannot reach Redis; the other one can, and has the key there."""
    away = f"redis://127.0.0.1:{free_port()}/0"
    async with file_service(tmp_path / "away", database_url, away) as cut_off:
        revoked = await key.revoke_at(cut_off)
        await key.is_refused_soon(replica, revoked)


async def test_a_key_that_a_restored_cache_brings_back_is_not_believed(
    service: FileService, replica: FileService, key: Key
) -> None:
    """Redis restarts with what it had on disk: the key's record, and not that it was revoked."""
    name, redis = api_key_key(key.id), service.services.cache._redis
    before = await redis.get(name)
    assert before is not None
    revoked = await key.revoke_at(service)
    await redis.set(name, before, ex=3600)
    await key.is_refused_soon(replica, revoked)
    # And never again, though the old record is still there.
    assert await redis.get(name) is not None
    assert await key.status_at(replica) == 401


async def test_a_cache_that_was_emptied_brings_no_key_back(
    service: FileService, replica: FileService, key: Key
) -> None:
    await key.revoke_at(service)
    await service.services.cache._redis.delete(api_key_key(key.id))
    assert await key.status_at(replica) == 401


async def test_without_any_cache_a_revocation_holds_at_once(key: Key, tmp_path: Path, database_url: str) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    async with (
        file_service(tmp_path / "one", database_url, away) as one,
        file_service(tmp_path / "other", database_url, away) as other,
    ):
        assert await key.status_at(other) == 200
        await key.revoke_at(one)
        assert await key.status_at(other) == 401


async def test_a_key_is_kept_for_less_than_a_second(service: FileService, key: Key) -> None:
    left = await service.services.cache._redis.pttl(api_key_key(key.id))
    assert left <= KEY_SECONDS * 1.1 * 1000 < 1000


async def test_no_secret_is_in_what_is_printed_of_a_replica(service: FileService) -> None:
    shown = repr(service.services)
    assert service.services.operator_key not in shown
    assert service.services.key_pepper.decode() not in shown
    assert repr(service.services.key_pepper) not in shown
