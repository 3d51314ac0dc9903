"""How changes share calls to a host."""

import asyncio
from typing import Any
from uuid import uuid4

from actors.tenant_changes import DeleteFile
from actors.tenant_host_line import HostCall, HostLine, Progress


def call(file_id: str) -> HostCall:
    return HostCall("acme", DeleteFile(uuid4(), file_id), "request")


class Host:
    """Does not wait for a change of the file `slow` in a batch of several."""

    def __init__(self) -> None:
        self.batches: list[list[HostCall]] = []

    async def call_many(self, calls: list[HostCall]) -> list[Any]:
        self.batches.append(calls)
        names = [call.change.names_file for call in calls]
        return [Progress.STILL_RUNNING if name == "slow" and len(names) > 1 else name for name in names]


async def test_changes_of_a_moment_are_one_call() -> None:
    host = Host()
    line = HostLine(host.call_many)
    calls = [call("a"), call("b")]
    assert await asyncio.gather(*map(line.call, calls)) == ["a", "b"]
    assert host.batches == [calls]
    await line.close()


async def test_a_change_that_takes_long_is_waited_for_by_itself() -> None:
    host = Host()
    line = HostLine(host.call_many)
    slow, quick = call("slow"), call("quick")
    assert await asyncio.gather(*map(line.call, [slow, quick])) == ["slow", "quick"]
    # The same call, by its id: the host joins it to the one that runs.
    assert host.batches == [[slow, quick], [slow]]
