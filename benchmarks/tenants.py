"""Many tenants, each touched once: what one costs in memory, and how long its first change takes."""

import json

import psutil

from benchmarks.instance import Instance
from benchmarks.load import Rate, Target, each_once

TENANTS = 2000
WARM = 50
CONNECTIONS = 2
KIB = 1024
MEMORY_GOAL_KIB = 200
ACTIVATION_GOAL_MS = 50


def run(instance: Instance) -> str:
    """Each tenant's metadata is changed twice: the first change activates its actor, the second finds it active."""
    target = instance.direct("files")
    each_once(target, (_creation(target, number) for number in range(WARM + TENANTS)), CONNECTIONS).expect(201)
    _touch(target, range(WARM), "warm")
    hosts = instance.processes("tenant-host")
    before = _unshared(hosts)
    first = _touch(target, range(WARM, WARM + TENANTS), "first")
    each_kib = (_unshared(hosts) - before) / TENANTS / KIB
    second = _touch(target, range(WARM, WARM + TENANTS), "second")
    activation = _verdict(first.percentile(0.5) * 1000, ACTIVATION_GOAL_MS)
    lines = [
        f"{TENANTS:,} tenants, each changed once and once again, {CONNECTIONS} at a time",
        f"  memory of the hosts, for each tenant {each_kib:.1f} KiB ({_verdict(each_kib, MEMORY_GOAL_KIB)} KiB)",
        f"  change that activates: {_latency(first)} ({activation} ms at the median)",
        f"  change that finds it active: {_latency(second)}",
    ]
    return "\n".join(lines)


def _creation(target: Target, number: int) -> bytes:
    body = json.dumps({"code": _code(number)}).encode()
    return target.request("POST", "/v1/tenants", body, Content_Type="application/json")


def _touch(target: Target, numbers: range, value: str) -> Rate:
    body = json.dumps({"metadata": {"touched": value}}).encode()
    headers = {"Content_Type": "application/merge-patch+json", "If_Match": "*"}
    requests = (target.request("PATCH", f"/v1/tenants/{_code(number)}", body, **headers) for number in numbers)
    return each_once(target, requests, CONNECTIONS).expect(200)


def _code(number: int) -> str:
    return f"touched-{number}"


def _unshared(pids: list[int]) -> int:
    """Bytes that would come free if the processes ended."""
    return sum(int(psutil.Process(pid).memory_full_info().uss) for pid in pids)


def _latency(rate: Rate) -> str:
    median, late = rate.percentile(0.5) * 1000, rate.percentile(0.99) * 1000
    return f"{median:.1f} ms at the median, {late:.1f} ms at the 99th percentile"


def _verdict(figure: float, goal: float) -> str:
    return f"{'within' if figure < goal else 'OVER'} {goal}"
