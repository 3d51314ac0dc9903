"""Processes that tests wait for: children of others, which set no events."""

import asyncio
from collections.abc import Callable
from pathlib import Path


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - other processes set no events
            await asyncio.sleep(0.01)


async def one_child_of(pid: int, command: str) -> int:
    """A child with `command` in its command line, as soon as there is one."""
    await until(lambda: bool(children_of(pid, command)))
    return children_of(pid, command)[0]


async def gone(pid: int) -> None:
    """Ended, or left as a zombie where nobody reaps."""
    await until(lambda: state_of(pid) in {None, "Z"})


def state_of(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def children_of(pid: int, command: str) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            line = Path(f"/proc/{child}/cmdline")
            if line.exists() and command in line.read_text(encoding="utf-8"):
                found.append(int(child))
    return found
