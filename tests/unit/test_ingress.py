"""A replica of an ingress deployment, without Ray: its app, its port, and what Serve asks it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI, Request

from serve_apps.autoscaling import IN_FLIGHT, by_requests_in_flight
from serve_apps.ingress import IngressReplica, service_path
from serve_apps.service_port import ListenerDied
from storage.errors import Unavailable
from storage.settings import Settings


class Steps:
    """An app that tells in which order things happened."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.app = FastAPI(lifespan=self.lifespan)
        self.app.add_api_route("/where", self.where)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        app.state.readiness = self
        self.taken.append("opened")
        yield
        self.taken.append("closed")

    async def failure(self) -> Unavailable | None:
        return Unavailable("database") if "broken" in self.taken else None

    async def where(self, request: Request) -> str:
        return service_path(request, "/v1/operations/7")


@pytest.fixture
def steps() -> Steps:
    return Steps()


def replica_of(steps: Steps) -> IngressReplica:
    return IngressReplica(steps.app, Settings(drain_seconds=1), 0)


async def test_the_port_is_open_exactly_while_the_app_is(steps: Steps) -> None:
    replica = replica_of(steps)
    app = replica.__serve_build_asgi_app__()
    with pytest.raises(ListenerDied):
        replica.check_health()
    async with app.router.lifespan_context(app):
        replica.check_health()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{replica.port.port}") as client:
            assert (await client.get("/where")).json() == "/v1/operations/7"
        assert steps.taken == ["opened"]
    with pytest.raises(ListenerDied):
        replica.check_health()
    assert steps.taken == ["opened", "closed"]


async def test_the_port_is_drained_before_the_app_closes_what_it_opened(steps: Steps) -> None:
    replica = replica_of(steps)
    drain = replica.port.drain

    async def noted(seconds: float) -> None:
        await drain(seconds)
        steps.taken.append(f"drained within {seconds} s")

    replica.port.drain = noted  # type: ignore[method-assign]
    async with steps.app.router.lifespan_context(steps.app):
        pass
    assert steps.taken == ["opened", "drained within 1.0 s", "closed"]


async def test_links_lead_back_the_way_the_request_came(steps: Steps) -> None:
    transport = httpx.ASGITransport(steps.app, root_path="/files")
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert (await client.get("/files/where")).json() == "/files/v1/operations/7"


async def test_a_replica_is_ready_when_its_app_is(steps: Steps) -> None:
    replica = replica_of(steps)
    async with steps.app.router.lifespan_context(steps.app):
        assert await replica.is_ready()
        steps.taken.append("broken")
        assert not await replica.is_ready()


async def test_requests_on_the_port_count_for_autoscaling(steps: Steps) -> None:
    assert replica_of(steps).record_autoscaling_stats() == {IN_FLIGHT: 0.0}


@pytest.mark.parametrize(
    ("gateway", "ports", "wanted"), [(0, {}, 0), (20, {}, 2), (0, {"a": 25, "b": 5}, 3), (10, {"a": 10}, 2)]
)
def test_replicas_follow_requests_on_both_ways(gateway: float, ports: dict[str, float], wanted: float) -> None:
    context = SimpleNamespace(
        total_num_requests=gateway,
        aggregated_metrics={IN_FLIGHT: ports},
        config=SimpleNamespace(get_target_ongoing_requests=lambda: 10),
    )
    assert by_requests_in_flight(context) == (wanted, {})


def test_a_replica_that_has_not_reported_yet_counts_for_nothing() -> None:
    config = SimpleNamespace(get_target_ongoing_requests=lambda: 10)
    context = SimpleNamespace(total_num_requests=5, aggregated_metrics=None, config=config)
    assert by_requests_in_flight(context) == (0.5, {})
