"""One trial: jobs are asked for and worked on while processes are killed; then everything is looked at."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.client_contract import new_code
from tests.e2e.conftest import Cluster
from tests.survival.killing import TARGETS, Kill, Killer, Target
from tests.survival.samples import SAMPLES
from tests.survival.verdict import Verdict, check_ends, check_events, check_processes, check_rows
from tests.survival.workload import TENANTS, Workload

ENDED_SECONDS = 1800.0
SETTLED_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    seed: int
    seconds: float
    kills: Sequence[Kill]
    verdict: Verdict

    def __str__(self) -> str:
        verdict = self.verdict
        killed = Counter(kill.target.name for kill in self.kills)
        jobs, events = sum(verdict.ends.values()), f"{verdict.events} events of ends"
        lines = [
            f"{jobs} jobs of {TENANTS} tenants in {self.seconds:.0f} s (seed {self.seed})",
            f"Killed meanwhile: {len(self.kills)} processes",
            *(f"  {count:>5}  {name}" for name, count in killed.most_common()),
            "How the jobs ended",
            *(f"  {count:>5}  {end}" for end, count in verdict.ends.most_common()),
            f"  {verdict.parked:>5}  of them parked because their workers were killed three times",
            f"Attempts: {verdict.attempts}",
            f"  {verdict.crashes:>5}  of them once more after a crash",
            f"  {verdict.given_back:>5}  of them once more because the job was given back",
            f"{verdict.results} results; {events}, {verdict.repeated_events} of them told again under the same id",
            f"{len(verdict.wrong)} findings",
            *(f"  WRONG {line}" for line in verdict.wrong),
        ]
        return "\n".join(lines)


def run_trial(
    cluster: Cluster, *, jobs: int, seed: int, fewest: int, most: int, targets: Sequence[Target] = TARGETS
) -> Outcome:
    """Kills a process each time that `fewest` to `most` jobs have ended. Ends with the cluster as it was."""
    began = time.monotonic()
    with cluster.client() as operator:
        workload = Workload(operator, jobs, seed)
        with Killer(cluster, seed, fewest, most, targets) as killer:
            workload.submit()
            finished = workload.finished(ENDED_SECONDS)
        seconds = time.monotonic() - began
        verdict = Verdict()
        check_ends(verdict, workload.asked, finished, workload.texts(finished))
        asyncio.run(check_rows(verdict, cluster.database_url, workload.asked, killer.kills))
        asyncio.run(check_events(verdict, cluster.redis_url, workload.asked, finished))
        verdict.check(killer.failure is None, f"the killer failed: {killer.failure!r}")
        _check_pools(verdict, cluster)
        check_processes(verdict, cluster.home)
        workload.remove()
    return Outcome(seed, seconds, killer.kills, verdict)


def _check_pools(verdict: Verdict, cluster: Cluster) -> None:
    """Each kind of document is read again at the first attempt, when nothing is killed any more."""
    with cluster.client() as operator:
        tenant = operator.tenants.create(new_code())
        client = operator.for_tenant(tenant.code)
        for sample in SAMPLES:
            job = client.extractions.submit(
                client.files.upload(sample.make("again"), name=sample.name), **sample.options
            )
            done = client.extractions.wait(job, timeout=SETTLED_SECONDS)
            code = done.error.code if done.error else None
            verdict.check((code, done.attempt) == (sample.code, 1), f"afterwards {sample.name} ended {done}")
        operator.tenants.delete(tenant)
