import socket

import pytest

from muniment.local.addresses import Addresses, PortTaken, choose_addresses
from muniment.local.ports import LOOPBACK, free_ports
from storage.settings import Settings


def defaults_on(gateway: int, files: int, extraction: int) -> Settings:
    """Settings whose ports are defaults, not somebody's choice."""
    return Settings.model_construct(
        _fields_set=set(), host=LOOPBACK, gateway_port=gateway, files_port=files, extraction_port=extraction
    )


def test_free_ports_are_used_as_configured() -> None:
    gateway, files, extraction = free_ports(3)
    told: list[str] = []
    chosen = choose_addresses(defaults_on(gateway, files, extraction), told.append)
    assert chosen.ports == {"gateway": gateway, "files": files, "extraction": extraction}
    assert told == []


def test_a_default_port_in_use_is_replaced_and_that_is_told() -> None:
    _, files, extraction = free_ports(3)
    told: list[str] = []
    with socket.create_server((LOOPBACK, 0)) as stranger:
        taken = stranger.getsockname()[1]
        chosen = choose_addresses(defaults_on(taken, files, extraction), told.append)
    assert chosen.ports["gateway"] != taken
    assert told == [f"Port {taken} is in use: gateway listens on {chosen.ports['gateway']} instead."]


def test_a_port_that_was_asked_for_and_is_in_use_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((LOOPBACK, 0)) as stranger:
        taken = stranger.getsockname()[1]
        monkeypatch.setenv("MUNIMENT_FILES_PORT", str(taken))
        monkeypatch.setenv("MUNIMENT_GATEWAY_PORT", str(free_ports(1)[0]))
        with pytest.raises(PortTaken, match=f"Port {taken} is in use, and MUNIMENT_FILES_PORT asks for it"):
            choose_addresses(Settings(), print)


def test_an_instance_on_every_address_is_reached_on_loopback() -> None:
    assert Addresses("0.0.0.0", {"files": 8001}).url("files") == "http://127.0.0.1:8001"  # noqa: S104
    assert Addresses("::", {"files": 8001}).url("files") == "http://[::1]:8001"
