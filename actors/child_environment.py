"""What a child process that reads hostile files gets to know of its parent's environment."""

import os
from pathlib import Path

_PROJECT = Path(__file__).parents[1]
_KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "COVERAGE_PROCESS_START",
    "COVERAGE_PROCESS_CONFIG",
    "MUNIMENT_INSTANCE",  # whose it is, should it be left behind
)


def child_environment() -> dict[str, str]:
    """No secrets, and no threads that would take other processes' cores."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"PYTHONPATH": str(_PROJECT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
