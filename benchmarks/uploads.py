"""Small durable uploads, a few and many at a time: the files port against a hand-written app that commits a row too."""

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.instance import Instance
from benchmarks.report import Table
from benchmarks.transfers import PEER_ROW, PORT, Side, in_turn, sides_of

CONNECTIONS = (1, 8, 64)
TENANT = "uploads"


def run(instance: Instance) -> Table:
    """Both sides pay for fsync of file and folder and for a committed row; they are measured in turn."""
    table = Table("10 KiB uploads/s", [PEER_ROW, PORT], baseline=PEER_ROW)
    with tempfile.TemporaryDirectory() as folder, sides_of(instance, Path(folder), TENANT) as every:
        sides = {name: every[name] for name in (PEER_ROW, PORT)}
        for side in sides.values():
            # The first requests load code and open connections.
            side.upload_small(max(CONNECTIONS))
        for connections in CONNECTIONS:
            table.add(f"{connections} at a time", in_turn(sides, partial(_rate, connections)))
    return table


def _rate(connections: int, _: str, side: Side) -> float:
    return side.upload_small(connections)
