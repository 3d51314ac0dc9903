"""The short form: one crash at the points where most could be lost. `make crash` does all of them, many times."""

from collections.abc import AsyncIterator

import pytest

from tests.crash.crash_run import CrashRun
from tests.crash.points import POINTS
from tests.crash.servers import Servers, servers

SEED = 1
CHOSEN = (
    "small file: placed",
    "small file: committed, not heard of",
    "upload: in place",
    "pieces: synced, not acknowledged",
    "pieces: in place, no row",
    "file's change: committed, not heard of",
    "file's deletion: bytes not unlinked",
    "tenant's creation: not committed",
    "tenant's deletion: committed, not heard of",
    "purge: one folder renamed",
    "sweep: dead upload abandoned",
)


@pytest.fixture(scope="module")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Servers of its own: each run empties them."""
    async with servers(tmp_path_factory.mktemp("crash")) as running:
        yield running


@pytest.mark.parametrize("name", CHOSEN)
async def test_a_crash_loses_nothing_acknowledged_and_leaves_nothing_half_done(started: Servers, name: str) -> None:
    (point,) = [point for point in POINTS if point.name == name]
    outcome = await CrashRun(await started.empty_place(), point, SEED).run()
    assert outcome.reached, "the point was not passed"
    assert outcome.wrong == []


def test_each_point_has_a_name_of_its_own() -> None:
    assert len({point.name for point in POINTS}) == len(POINTS)
