"""Which host a tenant has, and how a call finds its way to one that lives."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError, GetTimeoutError, RaySystemError, RayTaskError

from actors import tenant_handle
from actors.tenant_changes import Change, DeleteFile
from actors.tenant_handle import TenantHosts
from actors.tenant_host_line import HostCall
from actors.tenant_hosts import host_names, host_of
from storage.errors import MunimentError, NotFound, TenantActorFenced, Unavailable
from storage.logs import current_request
from storage.records import TenantRecord
from storage.settings import Settings

SETTINGS = Settings(tenant_hosts=3, release="r1")
CHANGE: Change[Any] = DeleteFile(uuid4(), "fs_1")


def tenant(isolation: str = "pooled") -> TenantRecord:
    return TenantRecord(uuid4(), "acme", "active", {"isolation": isolation}, {}, 1, datetime.now(UTC))


def test_every_replica_finds_the_same_host_and_tenants_are_spread() -> None:
    placed = [host_of(f"t-{number}", "pooled", SETTINGS) for number in range(300)]
    assert placed == [host_of(f"t-{number}", "pooled", SETTINGS) for number in range(300)]
    assert set(placed) == set(host_names(SETTINGS))
    assert all(placed.count(name) > 60 for name in host_names(SETTINGS))


def test_one_more_host_moves_only_the_tenants_that_it_gets() -> None:
    larger = Settings(tenant_hosts=4, release="r1")
    new = host_names(larger)[-1]
    for number in range(200):
        before, after = (host_of(f"t-{number}", "pooled", settings) for settings in (SETTINGS, larger))
        assert after in {before, new}


def test_a_dedicated_tenant_has_a_host_of_its_own_and_releases_never_share_one() -> None:
    assert host_of("acme", "dedicated", SETTINGS) == "tenant-host-r1-of-acme"
    assert not set(host_names(SETTINGS)) & set(host_names(Settings(release="r2")))


class FakeHost:
    """Answers calls with what it is told to, one after another; an outage takes the whole batch."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.received: list[HostCall] = []
        self.call_many = self.facts = self

    async def remote(self, calls: Sequence[HostCall] = ()) -> list[Any]:
        self.received += calls
        answers = [self.answers.pop(0) for _ in range(max(1, len(calls)))]
        for answer in answers:
            if isinstance(answer, Exception) and not isinstance(answer, MunimentError):
                raise answer
        return answers


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_handle, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(tenant_handle, "PATIENCE_SECONDS", 5)


def calls_to(*hosts: FakeHost) -> tuple[TenantHosts, list[str]]:
    """The calls, and the names that hosts were looked up by: each look-up finds the next host."""
    looked_up: list[str] = []

    def find(name: str) -> FakeHost:
        looked_up.append(name)
        return hosts[min(len(looked_up), len(hosts)) - 1]

    return TenantHosts(SETTINGS, find), looked_up


async def test_a_host_is_looked_up_once_and_told_of_the_request() -> None:
    host = FakeHost("one", "two")
    calls, looked_up = calls_to(host)
    token = current_request.set("r-7")
    try:
        assert [await calls.call(tenant(), CHANGE), await calls.call(tenant(), CHANGE)] == ["one", "two"]
    finally:
        current_request.reset(token)
    assert looked_up == [host_of("acme", "pooled", SETTINGS)]
    assert host.received == [HostCall("acme", CHANGE, "r-7")] * 2


async def test_a_dedicated_tenant_is_called_on_its_own_host() -> None:
    calls, looked_up = calls_to(FakeHost("one"))
    await calls.call(tenant("dedicated"), CHANGE)
    assert looked_up == ["tenant-host-r1-of-acme"]


@pytest.mark.parametrize("error", [ActorDiedError(), ActorUnavailableError("away", b"1" * 16)])
async def test_a_host_that_died_is_looked_up_again_and_sent_the_same_call(error: Exception) -> None:
    calls, looked_up = calls_to(FakeHost(error), second := FakeHost("done"))
    assert await calls.call(tenant(), CHANGE) == "done"
    assert len(looked_up) == 2
    assert second.received[0].change.call_id == CHANGE.call_id


async def test_a_fenced_answer_is_asked_for_again() -> None:
    calls, _ = calls_to(FakeHost(TenantActorFenced(), TenantActorFenced(), "done"))
    assert await calls.call(tenant(), CHANGE) == "done"


async def test_an_expected_error_is_raised_as_it_came() -> None:
    calls, _ = calls_to(FakeHost(NotFound("file")))
    with pytest.raises(NotFound):
        await calls.call(tenant(), CHANGE)


@pytest.mark.parametrize("error", [RaySystemError("no head"), GetTimeoutError("slow"), TimeoutError()])
async def test_a_cluster_that_does_not_answer_is_said_to_be_away(error: Exception) -> None:
    calls, _ = calls_to(FakeHost(error))
    with pytest.raises(Unavailable):
        await calls.call(tenant(), CHANGE)


async def test_a_defect_in_the_host_is_not_called_an_outage() -> None:
    calls, _ = calls_to(FakeHost(RayTaskError("call_many", "traceback", ValueError("defect"))))
    with pytest.raises(RayTaskError):
        await calls.call(tenant(), CHANGE)


async def test_patience_with_hosts_that_die_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_handle, "PATIENCE_SECONDS", 0)
    calls, _ = calls_to(FakeHost(ActorDiedError()))
    with pytest.raises(Unavailable):
        await calls.call(tenant(), CHANGE)


async def test_waking_asks_every_shared_host_and_survives_one_that_does_not_answer() -> None:
    hosts = FakeHost({}), FakeHost(ActorDiedError()), FakeHost({})
    calls, looked_up = calls_to(*hosts)
    calls.wake()
    assert calls._waking is not None
    await calls._waking
    assert looked_up == host_names(SETTINGS)
    await calls.close()


async def test_closing_stops_the_waking() -> None:
    class Silent(FakeHost):
        async def remote(self, _: Sequence[HostCall] = ()) -> list[Any]:
            await asyncio.Event().wait()
            return []

    calls, _ = calls_to(Silent())
    await calls.close()
    calls.wake()
    await calls.close()
    assert calls._waking is not None
    assert calls._waking.cancelled()
