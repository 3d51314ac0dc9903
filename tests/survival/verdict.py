"""Everything that is looked at when all jobs have ended: in the database, in the events, in processes and folders."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import psutil
from redis.asyncio import Redis

from actors.event_redis import FIELD
from actors.parser_pool import SCRATCH
from muniment.local.home import Home
from muniment.models import Job
from tests.survival.killing import Kill, Processes
from tests.survival.workload import Asked

STREAM = "muniment.events"
FINISHED = "muniment.extraction.finished"
PATIENCE_SECONDS = 90.0
CRASHED = {"worker-crashed", "out-of-memory"}
"""How a job is parked whose worker was killed three times."""
MOST_FAILURES = 3
ROLES = ("files", "extraction", "gateway", "job-runner", "parser", "ocr", "tenant-host", "serve-controller")
KINDS_OF_HELPERS = {"parser": "actors.parse_server", "ocr": "actors.ocr_child"}


@dataclass(slots=True)
class Verdict:
    """`wrong` is empty where everything is as it must be; the others are counts for the report."""

    wrong: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    parked: int = 0
    attempts: int = 0
    crashes: int = 0
    given_back: int = 0
    events: int = 0
    repeated_events: int = 0
    results: int = 0

    def check(self, holds: object, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)


def check_ends(verdict: Verdict, asked: Sequence[Asked], jobs: Sequence[Job], texts: Sequence[str]) -> None:
    for each, job, text in zip(asked, jobs, texts, strict=True):
        code = job.error.code if job.error else None
        verdict.ends[f"{job.state} {code}" if code else job.state] += 1
        what = f"{each.sample.name} {job.id}: {job.state} {code}, attempt {job.attempt}"
        if code in CRASHED and job.attempt >= MOST_FAILURES:
            verdict.parked += 1
        elif each.sample.code is not None:
            verdict.check((job.state, code) == ("failed", each.sample.code), what)
        else:
            verdict.check(job.state == "succeeded", what)
            verdict.check(each.word in text, f"{what}, without its text")


async def check_rows(verdict: Verdict, database_url: str, asked: Sequence[Asked], kills: Sequence[Kill]) -> None:
    """Each job once, with its attempts explained by kills, one result for each success, and no lock left."""
    connection = await asyncpg.connect(database_url)
    try:
        tenants = {each.tenant for each in asked}
        rows = await connection.fetch(
            "SELECT job.*, result.id AS stored FROM extraction_jobs job JOIN tenants ON tenants._id = job.tenant_id "
            "LEFT JOIN extraction_results result ON result.id = job.result_id WHERE tenants.code = ANY($1)",
            list(tenants),
        )
        verdict.check(
            sorted(row["id"] for row in rows) == sorted(each.job_id for each in asked), "other jobs than were asked for"
        )
        for row in rows:
            _check_attempts(verdict, row, kills)
            succeeded = row["state"] in {"succeeded", "partial"}
            verdict.check(
                (row["stored"] is not None) == succeeded, f"{row['id']}: {row['state']}, result {row['stored']}"
            )
            verdict.check(row["lease_until"] is None, f"{row['id']}: still leased")
            verdict.check(row["password"] is None, f"{row['id']}: its password is kept")
        verdict.results = await connection.fetchval(
            "SELECT count(*) FROM extraction_results JOIN tenants ON tenants._id = tenant_id WHERE code = ANY($1)",
            list(tenants),
        )
        with_results = len({row["stored"] for row in rows} - {None})
        verdict.check(verdict.results == with_results, f"{verdict.results} results of {with_results} jobs")
        await _until_nothing(verdict, connection, "SELECT count(*) FROM outbox_events", "events that are not told")
        await _until_nothing(
            verdict,
            connection,
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' "
            "AND state_change < now() - interval '5 seconds' AND NOT pid IN "
            # The one active relay, and whoever waits in its place, hold a lock in a transaction of their own.
            "(SELECT pid FROM pg_locks WHERE locktype = 'advisory')",
            "transactions that nobody ends",
        )
    finally:
        await connection.close()


def _check_attempts(verdict: Verdict, row: Any, kills: Sequence[Kill]) -> None:
    again = row["attempt"] - 1
    crashes = row["failures"] - (row["state"] == "failed")
    verdict.attempts += row["attempt"]
    verdict.crashes += crashes
    verdict.given_back += again - crashes
    if again > 0:
        during = [kill for kill in kills if row["time_started"] <= kill.time <= row["time_finished"]]
        verdict.check(during, f"{row['id']}: attempt {row['attempt']} although nothing was killed meanwhile")
        verdict.check(again >= crashes, f"{row['id']}: {crashes} crashes in {row['attempt']} attempts")


async def _until_nothing(verdict: Verdict, connection: asyncpg.Connection, query: str, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left := await connection.fetchval(query)) and time.monotonic() < deadline:  # noqa: ASYNC110 - other processes
        await asyncio.sleep(0.2)
    verdict.check(not left, f"{left} {what}")


async def check_events(verdict: Verdict, redis_url: str, asked: Sequence[Asked], jobs: Sequence[Job]) -> None:
    """One event for each job's end, as consumers see them that drop repeats by id."""
    told: dict[str, dict[str, Any]] = {}
    count = 0
    async with Redis.from_url(redis_url) as redis:
        entries: Any = await redis.xrange(STREAM)
    wanted = {each.job_id for each in asked}
    for _, fields in entries:
        event = orjson.loads(fields[FIELD.encode()])
        if event["type"] == FINISHED and event["data"]["id"] in wanted:
            told[event["id"]] = event["data"]
            count += 1
    verdict.events, verdict.repeated_events = len(told), count - len(told)
    ends = Counter((data["id"], data["state"]) for data in told.values())
    expected = Counter((job.id, job.state) for job in jobs)
    verdict.check(ends == expected, f"events of ends: {ends - expected} too many, {expected - ends} missing")


def check_processes(verdict: Verdict, home: Path) -> None:
    """Every role plays again, with helpers of its own only, and no parser holds a page any more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (wrong := _wrong_processes(home)) and time.monotonic() < deadline:
        time.sleep(0.5)
    verdict.wrong += wrong


def _wrong_processes(home: Path) -> list[str]:
    processes = Processes(Home(home))
    wrong = [f"no {role} runs" for role in ROLES if not processes.of(role)]
    for role, module in KINDS_OF_HELPERS.items():
        owned = processes.children(processes.of(role))
        running = _helpers(home, module)
        wrong += [f"{module} {pid} belongs to nobody" for pid in running - set(owned) - _forked(owned)]
        # A parse server that was killed is started again by the next parse.
        if len(owned) > len(processes.of(role)):
            wrong.append(f"{len(owned)} processes under {len(processes.of(role))} of {role}")
    if parsing := _forked(processes.children(processes.of("parser"))):
        wrong.append(f"{len(parsing)} parsing children are left")
    return wrong + _wrong_folders(home, len(processes.of("parser")))


def _wrong_folders(home: Path, parsers: int) -> list[str]:
    scratch = list((home / "files" / SCRATCH).iterdir())
    pages = [path for folder in scratch for path in folder.glob("parse-*")]
    wrong = [f"{path.name} is left" for path in pages]
    if len(scratch) > parsers:
        wrong.append(f"{len(scratch)} folders of {parsers} parsers")
    return wrong


def _forked(pids: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for pid in pids:
        try:
            found |= {child.pid for child in psutil.Process(pid).children(recursive=True)}
        except psutil.NoSuchProcess:
            continue
    return found


def _helpers(home: Path, module: str) -> set[int]:
    found = set()
    for process in psutil.process_iter():
        try:
            if module in process.cmdline() and process.environ().get("MUNIMENT_INSTANCE") == os.fspath(home):
                found.add(process.pid)
        except psutil.Error:
            continue
    return found
