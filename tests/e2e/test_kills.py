"""The short form of `make kills`: whatever works on a few dozen jobs is killed once."""

from tests.e2e.conftest import Cluster
from tests.survival.killing import TARGETS
from tests.survival.trial import run_trial


def test_every_job_ends_once_and_right_whatever_is_killed_meanwhile(cluster: Cluster) -> None:
    # A stopped engine costs the minute that a page may take.
    targets = [target for target in TARGETS if "stopped" not in target.name]
    outcome = run_trial(cluster, jobs=36, seed=1, fewest=2, most=4, targets=targets)
    assert outcome.kills
    assert outcome.verdict.wrong == [], str(outcome)
