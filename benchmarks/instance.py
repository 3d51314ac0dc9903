"""A Muniment of its own for a benchmark: own home, own ports, gone afterwards."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import muniment
from benchmarks.load import Target
from benchmarks.processes import REPOSITORY, free_port
from muniment.local.home import Home
from muniment.local.status_report import collect
from muniment.local.up import READY
from storage.settings import Settings

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Instance:
    environment: Mapping[str, str]
    ports: Mapping[str, int]
    operator_key: str
    database_url: str

    def direct(self, service: str) -> Target:
        return Target(HOST, self.ports[service], self.operator_key)

    def gateway(self, service: str) -> Target:
        return Target(HOST, self.ports["gateway"], self.operator_key, f"/{service}")

    def client(self, tenant: str) -> muniment.Client:
        return muniment.Client(
            f"http://{HOST}:{self.ports['gateway']}",
            files_url=f"http://{HOST}:{self.ports['files']}",
            extraction_url=f"http://{HOST}:{self.ports['extraction']}",
            api_key=self.operator_key,
            tenant=tenant,
        )

    def new_tenant(self, code: str, **configuration: Any) -> str:
        """Creates a tenant; answers its first key."""
        with self.client(code) as client:
            key = client.tenants.create(code, configuration=configuration).api_key
        assert key is not None
        assert key.secret is not None
        return key.secret

    def processes(self, role: str) -> list[int]:
        """Process ids of a role, as `muniment status` names them."""
        found: list[int] = self.status()["processes"][role]
        return found

    def status(self) -> dict[str, Any]:
        """What `muniment status --json` prints."""
        home = Home(Path(self.environment["MUNIMENT_HOME"]))
        running = home.running_instance()
        assert running is not None
        return collect(home, running).as_json()


@contextlib.contextmanager
def muniment_up(**settings: str) -> Iterator[Instance]:
    """Runs `muniment up`; `settings` are environment variables beside home and ports."""
    with tempfile.TemporaryDirectory(prefix="muniment-benchmark-") as home:
        ports = {service: free_port() for service in ("gateway", "files", "extraction")}
        own = {f"MUNIMENT_{service.upper()}_PORT": str(port) for service, port in ports.items()}
        environment = os.environ | own | {"MUNIMENT_HOME": home, "MUNIMENT_DRAIN_SECONDS": "2"} | settings
        process = subprocess.Popen(
            [sys.executable, "-m", "muniment", "up"], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            _wait_ready(process)
            yield _running(Path(home), environment, ports)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=120)


def _wait_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == READY:
            return
    raise RuntimeError(f"`muniment up` ended with {process.wait()} before it was ready.")


def _running(home: Path, environment: Mapping[str, str], ports: Mapping[str, int]) -> Instance:
    told = Home(home).running_instance()
    assert told is not None
    return Instance(environment, ports, Settings(home=home).resolved_operator_key(), told.database_url)
