"""One real cluster for the whole session, started as a person would: `muniment up` in a home of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import muniment
from muniment.local.child_process import die_with
from muniment.local.ports import free_ports
from muniment.local.up import READY

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 150
OPERATOR_KEY = "mo_operator-of-the-end-to-end-tests"


@dataclass(frozen=True)
class Cluster:
    """Addresses of a running Muniment and what tests do to it."""

    home: Path
    gateway_url: str
    files_url: str
    extraction_url: str
    operator_key: str
    environment: dict[str, str]
    supervisor: int

    @property
    def storage_base_path(self) -> Path:
        return self.home / "files"

    @property
    def database_url(self) -> str:
        return self._told("database_url")

    @property
    def redis_url(self) -> str:
        return self._told("redis_url")

    def client(self, tenant: str | None = None, api_key: str | None = None) -> muniment.Client:
        """With the operator's key, unless another is given; uses the services' own ports."""
        return muniment.Client(
            self.gateway_url,
            files_url=self.files_url,
            extraction_url=self.extraction_url,
            api_key=api_key or self.operator_key,
            tenant=tenant,
        )

    def status(self) -> dict[str, Any]:
        """What `muniment status --json` prints."""
        told: dict[str, Any] = json.loads(self.run_command("status", "--json").stdout)
        return told

    def process_ids(self, role: str) -> list[int]:
        """The processes that play a role now: `files`, `extraction`, `tenant-host`, `parser`, `ocr`, `postgres`, …"""
        found: list[int] = self.status()["processes"][role]
        return found

    def kill(self, role: str) -> list[int]:
        """`kill -9` every process of a role; answers which these were."""
        killed = self.process_ids(role)
        for process in killed:
            os.kill(process, signal.SIGKILL)
        return killed

    def run_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`muniment …` against this cluster, with the operator's key."""
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "muniment", *arguments],
            env={
                **self.environment,
                "MUNIMENT_URL": self.gateway_url,
                "MUNIMENT_FILES_URL": self.files_url,
                "MUNIMENT_EXTRACTION_URL": self.extraction_url,
                "MUNIMENT_API_KEY": self.operator_key,
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )

    def _told(self, name: str) -> str:
        value: str = json.loads((self.home / "instance.json").read_text())[name]
        return value


def environment_for(home: Path, ports: list[int]) -> dict[str, str]:
    """A clean environment: settings of the person who runs the tests must not reach the cluster."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MUNIMENT_", "RAY_"))}
    gateway, files, extraction = map(str, ports)
    return {
        **inherited,
        "PYTHONPATH": str(ROOT),
        "MUNIMENT_HOME": str(home),
        "MUNIMENT_OPERATOR_KEY": OPERATOR_KEY,
        "MUNIMENT_GATEWAY_PORT": gateway,
        "MUNIMENT_FILES_PORT": files,
        "MUNIMENT_EXTRACTION_PORT": extraction,
    }


def start(home: Path, *options: str, until: str = READY, **settings: str) -> "tuple[subprocess.Popen[str], Cluster]":
    """Start `muniment up` and return when it says that it is ready; fails with its output when it ends before.

    `settings` are environment variables beside home and ports.
    """
    ports = free_ports(3)
    environment = environment_for(home, ports) | settings
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "muniment", "up", *options],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A test run that is killed must not leave a cluster behind.
        preexec_fn=die_with(os.getpid(), signal.SIGTERM),  # noqa: PLW1509 - it makes one system call
    )
    assert process.stdout is not None
    output = []
    for line in process.stdout:
        output.append(line)
        if line.strip() == until:
            gateway, files, extraction = (f"http://127.0.0.1:{port}" for port in ports)
            return process, Cluster(home, gateway, files, extraction, OPERATOR_KEY, environment, process.pid)
    pytest.fail("muniment up ended before it was ready:\n" + "".join(output))


def stop(process: "subprocess.Popen[str]") -> str:
    """End it as Ctrl-C does, and answer what it printed since it was ready."""
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=STOP_SECONDS)
    return printed


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Shared by all end-to-end tests: each makes tenants of its own, and what it kills must come back by itself."""
    process, running = start(tmp_path_factory.mktemp("muniment"))
    try:
        yield running
    finally:
        stop(process)


@pytest.fixture(scope="session")
def operator(cluster: Cluster) -> Iterator[httpx.Client]:
    """HTTP to the file service with the operator's key."""
    headers = {"Authorization": f"Bearer {cluster.operator_key}"}
    with httpx.Client(base_url=cluster.files_url, headers=headers, timeout=60, trust_env=False) as client:
        yield client
