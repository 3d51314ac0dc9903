"""Every command of the README runs as it is printed, but for the ports, which are this cluster's."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.conftest import ROOT, Cluster

FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)", re.MULTILINE)


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text()
    return [body for found, body in FENCE.findall(text) if found == language]


def here(text: str, cluster: Cluster) -> str:
    for url, documented in (
        (cluster.gateway_url, "http://127.0.0.1:8000"),
        (cluster.files_url, "http://127.0.0.1:8001"),
        (cluster.extraction_url, "http://127.0.0.1:8002"),
    ):
        text = text.replace(documented, url)
    return text


def run(command: str, environment: dict[str, str]) -> str:
    shell = ["bash", "-euo", "pipefail", "-c", command]
    done = subprocess.run(shell, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)  # noqa: S603
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def remember(answer: str, environment: dict[str, str]) -> None:
    """The values that the text says to take from an answer."""
    try:
        told: Any = json.loads(answer)
    except ValueError:
        return
    assert "code" not in told or "title" not in told, answer
    if "api_key" in told:
        environment["KEY"] = told["api_key"]["secret"]
    for prefix, name in (("fs_", "FILE_ID"), ("ex_", "JOB_ID")):
        if told["id"].startswith(prefix):
            environment[name] = told["id"]


def test_every_command_of_the_readme_works(cluster: Cluster) -> None:
    environment = {
        **cluster.environment,
        "OPERATOR_KEY": cluster.operator_key,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    commands = [here(command, cluster) for body in blocks("console") for command in COMMAND.findall(body)]
    assert len(commands) >= 4
    for command in commands:
        answer = run(command, environment)
        remember(answer, environment)
    assert "KEY" in environment
    assert "JOB_ID" in environment
    for program in blocks("python"):
        code = here(program, cluster).replace("KEY", repr(environment["KEY"]))
        answer = run(f"python - <<'END'\n{code}\nEND", environment)
        assert answer.strip()
