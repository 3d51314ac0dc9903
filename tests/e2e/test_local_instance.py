"""`muniment up` on one machine: what listens, what comes back, and what is left after the end."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest

from muniment.local.home import Home
from muniment.local.leftovers import processes_of
from muniment.local.postgres import processes_on
from tests.e2e.conftest import ROOT, Cluster, start, stop

SOON = 60.0
"""Long enough for a server to be noticed as dead and started again on a busy machine."""


def everything_of(home: Path) -> list[psutil.Process]:
    """All processes of an instance but its supervisor."""
    at = Home(home)
    return [*processes_of(at, at.ray_folder()), *processes_on(home / "postgres")]


def runs(process: psutil.Process) -> bool:
    """One that ended may still wait for the machine's first process to take note of it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def answers(url: str) -> bool:
    return httpx.get(f"{url}/healthz/ready", trust_env=False).status_code == 200


def test_ready_means_that_all_three_ports_answer(cluster: Cluster) -> None:
    assert all(answers(url) for url in (cluster.gateway_url, cluster.files_url, cluster.extraction_url))


def test_nothing_listens_beyond_loopback(cluster: Cluster) -> None:
    listening = {
        connection.laddr.ip
        for process in everything_of(cluster.home)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}


@pytest.mark.parametrize("role", ["files", "extraction", "job-runner", "serve-controller", "postgres", "redis"])
def test_status_names_the_processes_of_every_role(cluster: Cluster, role: str) -> None:
    status = cluster.status()
    assert status["addresses"]["files"] == cluster.files_url
    assert all(status["memory_bytes"][str(process)] > 0 for process in status["processes"][role])
    assert status["processes"][role]


def test_status_tells_no_secrets(cluster: Cluster) -> None:
    told = cluster.run_command("status", "--json").stdout + cluster.run_command("status").stdout
    assert cluster.operator_key not in told
    assert "postgresql://" not in told


def test_a_second_instance_on_the_same_home_says_so_and_ends(cluster: Cluster) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "muniment", "up"],
        env=cluster.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SOON,
    )
    assert second.returncode == 1
    assert second.stderr == (
        f"muniment: A Muniment already runs on {cluster.home} (process {cluster.supervisor}); "
        "`muniment status` tells where.\n"
    )


def test_everything_killed_starts_again_with_its_data_beside_another_instance(cluster: Cluster, tmp_path: Path) -> None:
    first, before = start(tmp_path)
    with before.client() as operator:
        operator.tenants.create("kept")
    for process in [psutil.Process(first.pid), *everything_of(tmp_path)]:
        # Some end by themselves as soon as their parent is gone.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    first.wait()

    second, after = start(tmp_path)
    with after.client() as operator:
        assert [tenant.code for tenant in operator.tenants.list()] == ["kept"]
    assert answers(cluster.files_url)
    children = everything_of(tmp_path)
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=SOON * 2) == 0
    assert [process for process in children if runs(process)] == []
    assert answers(cluster.files_url)


def test_ctrl_c_ends_all_of_an_instance_that_is_still_starting(tmp_path: Path) -> None:
    process, _ = start(tmp_path, until="Starting Ray …")
    assert stop(process).endswith("Stopping …\nStopped.\n")
    assert process.returncode == 0
    assert everything_of(tmp_path) == []


def test_a_killed_database_and_cache_come_back_at_the_same_address(cluster: Cluster) -> None:
    with cluster.client() as operator:
        code = operator.tenants.create(f"t-{uuid4().hex[:20]}").code
        cluster.kill("postgres")
        cluster.kill("redis")
        deadline = time.monotonic() + SOON
        while not (cluster.process_ids("redis") and answers(cluster.files_url)):
            assert time.monotonic() < deadline, "the servers did not come back"
        assert operator.tenants.get(code).code == code
