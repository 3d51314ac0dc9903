from pathlib import Path

import pytest

from muniment.local.leftovers import ProcessFacts, belongs_to, environment_value

HOME, RAY = Path("/srv/muniment"), Path("/tmp/muniment-1/ray")  # noqa: S108 - only compared
LOG = "/tmp/muniment-1/ray/session_1/logs/dashboard_agent.log"  # noqa: S108


@pytest.mark.parametrize(
    ("facts", "ours"),
    [
        (ProcessFacts("/srv/muniment", "python", ()), True),
        (ProcessFacts("/srv/muniment2", "python", ()), False),
        (ProcessFacts("", "ray::DashboardAgent", (LOG,)), True),
        (ProcessFacts("", "ray::DashboardAgent", ("/tmp/ray/session_1/logs/dashboard_agent.log",)), False),  # noqa: S108
        # Somebody who reads a log with a pager.
        (ProcessFacts("", "less", (LOG,)), False),
        (ProcessFacts("", "", ()), False),
    ],
)
def test_a_process_belongs_to_the_home_whose_marker_it_carries_or_whose_ray_logs_it_writes(
    facts: ProcessFacts, *, ours: bool
) -> None:
    assert belongs_to(facts, HOME, RAY) is ours


def test_a_variable_is_found_by_its_whole_name() -> None:
    environment = [b"X_MUNIMENT_INSTANCE=no", b"MUNIMENT_INSTANCE_2=no", b"MUNIMENT_INSTANCE=/srv/a=b"]
    assert environment_value(environment, "MUNIMENT_INSTANCE") == "/srv/a=b"
    assert not environment_value([], "MUNIMENT_INSTANCE")
