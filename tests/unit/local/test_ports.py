import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.local.ports import LOOPBACK, RememberedPorts, free_port, free_ports, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_somebody_listens_on_is_not_free(taken: int) -> None:
    assert not is_free(taken)


def test_a_port_is_not_free_for_all_addresses_when_one_of_them_is_taken(taken: int) -> None:
    assert not is_free(taken, "0.0.0.0")  # noqa: S104 - only probed


def test_a_found_port_is_free() -> None:
    assert is_free(free_port())


def test_several_ports_differ() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_port_is_remembered_from_run_to_run(tmp_path: Path) -> None:
    first = RememberedPorts(tmp_path / "ports.json").get("postgres")
    assert RememberedPorts(tmp_path / "ports.json").get("postgres") == first


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path, taken: int) -> None:
    path = tmp_path / "ports.json"
    path.write_text(f'{{"postgres": {taken}, "valkey": 7}}')
    assert RememberedPorts(path).get("postgres") != taken
    assert '"valkey": 7' in path.read_text()


def test_a_damaged_file_of_ports_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    path.write_text('{"postgres": 54')
    assert RememberedPorts(path).get("postgres") == RememberedPorts(path).get("postgres")
