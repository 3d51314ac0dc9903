"""The long form, `make crash`: many seeds at every point. Prints runs and findings; exits with 1 where there is one.

python -m tests.crash [--seeds N] [--first SEED] [--point PART-OF-ITS-NAME]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.crash.crash_run import CrashRun, Outcome
from tests.crash.points import POINTS
from tests.crash.servers import servers

SEEDS = 5


async def main(first: int, seeds: int, name: str) -> int:
    points = [point for point in POINTS if name in point.name]
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="muniment-crash-") as folder:
        async with servers(Path(folder)) as started:
            for seed in range(first, first + seeds):
                for point in points:
                    began = time.monotonic()
                    outcomes.append(await CrashRun(await started.empty_place(), point, seed).run())
                    show(outcomes[-1], time.monotonic() - began)
    return conclude(outcomes)


def show(outcome: Outcome, seconds: float) -> None:
    ending = "killed" if outcome.reached else "missed"
    tell(f"{outcome.seed:>8} {ending} {outcome.requests:>5} requests {seconds:>5.1f} s  {outcome.point.name}")
    for line in outcome.wrong:
        tell(f"         WRONG {line}")


def conclude(outcomes: list[Outcome]) -> int:
    killed = Counter(outcome.point.name for outcome in outcomes if outcome.reached)
    wrong = sum(bool(outcome.wrong) for outcome in outcomes)
    tell(
        f"{len(killed)} points, {len(outcomes)} runs, {killed.total()} of them killed at their point, "
        f"{sum(outcome.requests for outcome in outcomes)} requests, {wrong} runs with findings."
    )
    missed = {outcome.point.name for outcome in outcomes} - set(killed)
    for name in sorted(missed):
        tell(f"Never passed: {name}")
    return 1 if wrong or missed else 0


def tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first", type=int, default=int(time.time()))
    parser.add_argument("--point", default="")
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.first, options.seeds, options.point)))
