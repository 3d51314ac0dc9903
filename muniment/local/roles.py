"""Which part of Muniment a process is, told by the title that Ray gives it or by its program."""

from collections.abc import Iterable
from dataclasses import dataclass

DEPLOYMENTS = {
    "FileService": "files",
    "ExtractionService": "extraction",
    "Gateway": "gateway",
    "JobRunner": "job-runner",
    "Parser": "parser",
    "OcrEngine": "ocr",
}
ACTORS = {"TenantHost": "tenant-host", "ServeController": "serve-controller", "ProxyActor": "http-proxy"}
PROGRAMS = {"valkey-server": "redis", "raylet": "ray", "gcs_server": "ray", "supervisor": "supervisor"}
ROLES = (*DEPLOYMENTS.values(), *ACTORS.values(), "postgres", "redis", "ray", "supervisor")


@dataclass(frozen=True)
class Titled:
    pid: int
    parent: int
    name: str
    title: str


def role_of(title: str, name: str) -> str | None:
    """The role of a process by itself; None for helpers, which count as what started them.

    A replica's title is `ray::ServeReplica:<application>:<deployment>`, an actor's `ray::<class>`, with `.<method>`
    behind it while a call runs.
    """
    if title.startswith("ray::"):
        actor, *rest = title.removeprefix("ray::").split(":")
        if actor == "ServeReplica":
            return DEPLOYMENTS.get(rest[-1].split(".")[0], "ray")
        return ACTORS.get(actor.split(".")[0], "ray")
    return PROGRAMS.get(name)


def by_role(processes: Iterable[Titled]) -> dict[str, list[int]]:
    """Process ids by role. Every role is there, so that its absence is seen.

    PostgreSQL's and the parsers' own children are left out: they come and go, and end with their parents.
    """
    found: dict[str, list[int]] = {role: [] for role in ROLES}
    processes = list(processes)
    servers = {process.pid for process in processes if process.name == "postgres"}
    for process in processes:
        if process.pid in servers:
            role = None if process.parent in servers else "postgres"
        else:
            role = role_of(process.title, process.name)
        if role is not None:
            found[role].append(process.pid)
    return found
