"""The long form, `make kills`: a Muniment of its own, hundreds of jobs, and a report. Exits with 1 for any finding.

python -m tests.survival [--jobs N] [--seed SEED]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from muniment.local.home import Home
from muniment.local.leftovers import processes_of
from tests.e2e.conftest import start, stop
from tests.survival.trial import Outcome, run_trial

JOBS = 500
FEWEST, MOST = 6, 14
"""Jobs that end between two kills."""
PAGE_SECONDS = 20
"""What a stopped OCR engine costs."""


def main(jobs: int, seed: int) -> int:
    with tempfile.TemporaryDirectory(prefix="muniment-kills-") as folder:
        home = Path(folder)
        process, cluster = start(home, MUNIMENT_OCR_PAGE_TIMEOUT_SECONDS=str(PAGE_SECONDS))
        try:
            outcome = run_trial(cluster, jobs=jobs, seed=seed, fewest=FEWEST, most=MOST)
        finally:
            stop(process)
        check_end(outcome, home)
    print(outcome, flush=True)  # noqa: T201
    return 1 if outcome.verdict.wrong else 0


def check_end(outcome: Outcome, home: Path) -> None:
    """What is left of an instance that was stopped."""
    left = processes_of(Home(home), Home(home).ray_folder())
    outcome.verdict.check(not left, f"processes are left after the end: {left}")
    scratch = [str(path) for path in (home / "files" / ".scratch").iterdir()]
    outcome.verdict.check(not scratch, f"folders are left after the end: {scratch}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    sys.exit(main(options.jobs, options.seed))
