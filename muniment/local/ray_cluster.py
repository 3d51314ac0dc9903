"""A Ray cluster of one node that listens on loopback only and leaves other clusters on the machine alone."""

import asyncio
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from muniment.local.child_process import ChildProcess, Command, wait_until_ready
from muniment.local.home import Home
from muniment.local.ports import LOOPBACK, free_ports
from storage.key_files import read_or_create_secret

START_SECONDS = 180.0
STOP_SECONDS = 15.0
OBJECT_STORE_BYTES = 256 * 2**20
"""Documents travel between actors as results; bytes never do, so this holds hundreds of them."""

STARTED = b"Ray runtime started."


def logical_cpus(cores: int) -> int:
    """What the node says it has. Actors ask for shares of it, and the operating system divides the real cores.

    Idle actors of all kinds must find a place on two cores; the pools' own limits bound what really runs.
    """
    return max(16, 4 * cores)


class RayCluster:
    def __init__(self, home: Home, environment: Mapping[str, str]) -> None:
        self._home = home
        self.folder = home.ray_folder()
        self._port, self._dashboard_port, metrics_port = free_ports(3)
        token = home.keys / "ray-token"
        read_or_create_secret(token, lambda: secrets.token_hex(32))
        self.environment = {
            **environment,
            "RAY_ADDRESS": self.address,
            # Loopback is no protection against other users of the machine, and who reaches Ray runs code.
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            # Ray replaces 127.0.0.1 by the machine's outward address, and then listens on every address, unless
            # clusters of several machines are switched off. It names this variable for where that is the default.
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_START_HOOK": "muniment.local.ray_hooks.without_ray_client",
            "RAY_USAGE_STATS_ENABLED": "0",
            # The proxy's own layer of the gateway: body limit, one request id, no headers that steer Serve.
            "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serve_apps.gateway.http_policy.middlewares",
            # Serve has drained before the node is stopped.
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
            # One idle Python process for every logical CPU would be started else.
            "RAY_prestart_worker_first_driver": "0",
            "RAY_enable_worker_prestart": "0",
            # Each call's history, for a dashboard that is off; the control service would keep 100,000 of them.
            "RAY_task_events_report_interval_ms": "0",
            # A fixed port by default, which a second instance could not have.
            "DASHBOARD_METRIC_PORT": str(metrics_port),
        }
        self._child: ChildProcess | None = None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._port}"

    @property
    def child(self) -> ChildProcess:
        assert self._child is not None, "the cluster was not started"  # noqa: S101
        return self._child

    async def start(self) -> None:
        await asyncio.to_thread(self._clear_old_sessions)
        log = self._home.logs / "ray.log"
        command = Command(self._arguments(), self.environment, folder=self._home.folder, log=log)
        self._child = await ChildProcess.start("Ray", command)

        async def started() -> bool:
            return STARTED in await asyncio.to_thread(log.read_bytes)

        await wait_until_ready(self._child, started, START_SECONDS)
        self._link_logs()

    async def stop(self) -> None:
        """Only this node: `ray stop` would end every cluster on the machine."""
        if self._child is not None:
            await self._child.stop(signal.SIGTERM, STOP_SECONDS)
            await asyncio.to_thread(self._move_logs_home)

    def _arguments(self) -> list[str | Path]:
        return [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"),
            f"--node-ip-address={LOOPBACK}",
            f"--port={self._port}",
            f"--num-cpus={logical_cpus(os.cpu_count() or 1)}",
            f"--object-store-memory={OBJECT_STORE_BYTES}",
            f"--temp-dir={self.folder}",
            "--include-dashboard=false",
            f"--dashboard-port={self._dashboard_port}",
            # Zero: any free port.
            "--dashboard-agent-listen-port=0",
            "--min-worker-port=0",
            "--max-worker-port=0",
            # One fixed node: there is nothing to scale, and logs stay where they are written.
            "--no-monitor",
            "--include-log-monitor=false",
        ]

    @property
    def _logs(self) -> Path:
        return self._home.logs / "ray"

    def _clear_old_sessions(self) -> None:
        """Keep the newest of those that crashed runs left: it tells why."""
        sessions = sorted(path for path in self.folder.glob("session_2*") if path.is_dir())
        for session in sessions[:-1]:
            shutil.rmtree(session)

    def _link_logs(self) -> None:
        _remove(self._logs)
        self._logs.symlink_to(self.folder / "session_latest" / "logs")

    def _move_logs_home(self) -> None:
        """After a run everything is in the home, and nothing of it in the temporary folder."""
        session = self.folder / "session_latest" / "logs"
        if session.exists():
            _remove(self._logs)
            shutil.copytree(session, self._logs)
        shutil.rmtree(self.folder.parent)


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
