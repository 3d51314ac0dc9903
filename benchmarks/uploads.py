"""Small durable uploads, a few and many at a time: the files port against a hand-written app that commits a row too."""

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.instance import Instance
from benchmarks.processor_time import ProcessorTime
from benchmarks.report import Table
from benchmarks.transfers import PEER_ROW, PORT, Side, in_turn, sides_of

CONNECTIONS = (1, 8, 64)
TENANT = "uploads"
ROLES = ("files", "tenant-host", "postgres", "redis")


def run(instance: Instance) -> str:
    """Both sides pay for fsync of file and folder and for a committed row; they are measured in turn."""
    table = Table("10 KiB uploads/s", [PEER_ROW, PORT], baseline=PEER_ROW)
    costs = []
    with tempfile.TemporaryDirectory() as folder, sides_of(instance, Path(folder), TENANT) as every:
        sides = {name: every[name] for name in (PEER_ROW, PORT)}
        for side in sides.values():
            # The first requests load code and open connections.
            side.upload_small(max(CONNECTIONS))
        working = _working(instance, sides)
        for connections in CONNECTIONS:
            times = {name: ProcessorTime(roles) for name, roles in working.items()}
            table.add(f"{connections} at a time", in_turn(sides, partial(_rate, times, connections)))
            costs += [_cost(name, connections, time) for name, time in times.items()]
    return "\n".join([str(table), "Processor time, ms an upload", *costs])


def _working(instance: Instance, sides: dict[str, Side]) -> dict[str, dict[str, list[int]]]:
    """Process ids by role of whoever works on an upload, for each side."""
    running = instance.status()["processes"]
    by_hand = {"app": [sides[PEER_ROW].pid], "postgres": running["postgres"]}
    own = {role: running[role] for role in ROLES}
    return {PEER_ROW: by_hand, PORT: own}


def _rate(times: dict[str, ProcessorTime], connections: int, name: str, side: Side) -> float:
    with times[name].counted():
        rate = side.upload_small(connections)
    times[name].done(len(rate.latencies))
    return rate.per_second


def _cost(name: str, connections: int, time: ProcessorTime) -> str:
    each = time.milliseconds_each()
    parts = "".join(f"{role:>18} {milliseconds:.2f}" for role, milliseconds in each.items())
    return f"{f'{name}, {connections} at a time':32}{sum(each.values()):>6.2f}{parts}"
