from pathlib import Path

import pytest

from muniment.local.addresses import Addresses
from muniment.local.environment import SOURCE_ROOT, child_environment, service_environment
from muniment.local.home import Home
from muniment.local.ray_cluster import logical_cpus
from muniment.local.serve_configuration import configuration_path, read_configuration, with_address
from storage.settings import Settings


def test_the_address_replaces_the_files_own_and_leaves_the_rest() -> None:
    config = {"http_options": {"host": "0.0.0.0", "port": 8000, "keep_alive_timeout_s": 9}, "applications": [1]}  # noqa: S104
    assert with_address(config, "127.0.0.1", 9000) == {
        "http_options": {"host": "127.0.0.1", "port": 9000, "keep_alive_timeout_s": 9},
        "applications": [1],
    }
    assert config["http_options"] == {"host": "0.0.0.0", "port": 8000, "keep_alive_timeout_s": 9}  # noqa: S104


def test_the_repositorys_configuration_has_the_three_applications_on_their_routes() -> None:
    applications = read_configuration(SOURCE_ROOT / "serve_config.yaml")["applications"]
    assert {application["name"]: application["route_prefix"] for application in applications} == {
        "files": "/files",
        "extraction": "/extraction",
        "gateway": "/",
    }


def test_another_configuration_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configuration_path() == SOURCE_ROOT / "serve_config.yaml"
    monkeypatch.setenv("MUNIMENT_SERVE_CONFIG", "/etc/muniment.yaml")
    assert configuration_path() == Path("/etc/muniment.yaml")


def test_children_know_their_home_and_never_another_ray_cluster(tmp_path: Path) -> None:
    environment = child_environment(
        {"RAY_ADDRESS": "10.0.0.1:6379", "PATH": "/bin", "PYTHONPATH": "/x"}, Home(tmp_path)
    )
    assert environment == {
        "PATH": "/bin",
        "MUNIMENT_INSTANCE": str(tmp_path),
        "MUNIMENT_HOME": str(tmp_path),
        "PYTHONPATH": f"{SOURCE_ROOT}:/x",
    }


def test_services_get_the_addresses_that_this_run_found(tmp_path: Path) -> None:
    addresses = Addresses("127.0.0.1", {"gateway": 1, "files": 2, "extraction": 3})
    environment = service_environment(Settings(home=tmp_path), addresses, "postgresql://d", "redis://r")
    assert environment == {
        "MUNIMENT_DATABASE_URL": "postgresql://d",
        "MUNIMENT_REDIS_URL": "redis://r",
        "MUNIMENT_STORAGE_BASE_PATH": str(tmp_path / "files"),
        "MUNIMENT_HOST": "127.0.0.1",
        "MUNIMENT_GATEWAY_PORT": "1",
        "MUNIMENT_FILES_PORT": "2",
        "MUNIMENT_EXTRACTION_PORT": "3",
    }


def test_a_small_machine_has_place_for_every_actor() -> None:
    assert logical_cpus(2) == 16
    assert logical_cpus(32) == 128
