import json
from pathlib import Path

import pytest

from muniment.local.home import Home, HomeLock, RunningInstance
from muniment.local.status_report import NOT_RUNNING, Status, readable, show
from storage.settings import Settings


def a_status(counts: dict[str, int] | None) -> Status:
    instance = RunningInstance(
        home="/srv/muniment",
        supervisor=1,
        addresses={"files": "http://127.0.0.1:8001"},
        database_url="postgresql://muniment:secret@127.0.0.1:1/muniment",
        redis_url="redis://:secret@127.0.0.1:2/0",
        ray_address="127.0.0.1:3",
        ray_folder="/tmp/muniment-1/ray",  # noqa: S108 - only told
    )
    return Status(instance, {"files": [10, 11], "ocr": []}, {10: 3 * 2**20, 11: 2**20}, counts)


def test_a_home_without_an_instance_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(Settings(home=tmp_path), as_json=False) == NOT_RUNNING
    assert capsys.readouterr().out == f"No Muniment runs on {tmp_path}.\n"


def test_an_instance_that_is_not_ready_yet_is_starting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with HomeLock(Home(tmp_path)):
        assert show(Settings(home=tmp_path), as_json=True) == NOT_RUNNING
    assert json.loads(capsys.readouterr().out) == {"running": False, "starting": True, "home": str(tmp_path)}


def test_programs_get_addresses_processes_memory_and_counts_but_no_passwords() -> None:
    told = a_status({"tenants": 2}).as_json()
    assert told == {
        "running": True,
        "home": "/srv/muniment",
        "addresses": {"files": "http://127.0.0.1:8001"},
        "processes": {"files": [10, 11], "ocr": []},
        "memory_bytes": {"10": 3 * 2**20, "11": 2**20},
        "counts": {"tenants": 2},
    }


def test_people_get_one_line_a_role() -> None:
    lines = readable(a_status({"tenants": 2})).splitlines()
    assert lines[2].split() == ["files", "2", "processes", "4", "MiB", "10", "11"]
    assert lines[-1] == "  tenants: 2"


def test_a_database_that_does_not_answer_is_told() -> None:
    assert readable(a_status(None)).endswith("the database does not answer")
