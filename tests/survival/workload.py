"""Several tenants that upload documents and ask for their extraction, while everything is killed around them."""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from muniment import Client
from muniment.models import Job
from tests.survival.samples import Sample, chosen

TENANTS = 4
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """A job and what must come of it."""

    tenant: str
    sample: Sample
    word: str
    job_id: str


class Workload:
    """`count` jobs of samples in their shares, over some tenants in turn; the same ones for the same seed."""

    def __init__(self, operator: Client, count: int, seed: int) -> None:
        self._operator, self._seed = operator, seed
        self._samples = chosen(count, random.Random(f"samples {seed}"))  # noqa: S311 - the same again
        self.tenants: list[str] = []
        self.asked: list[Asked] = []

    def submit(self) -> None:
        """Returns when the last job is accepted."""
        stamp = f"{self._seed}-{time.time_ns()}"
        self.tenants = [self._operator.tenants.create(f"kill-{stamp}-{number}").code for number in range(TENANTS)]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            self.asked = list(threads.map(self._submit, range(len(self._samples)), self._samples))

    def _submit(self, number: int, sample: Sample) -> Asked:
        tenant = self.tenants[number % TENANTS]
        word = f"harbour{number}"
        file = self._operator.files.upload(sample.make(word), name=sample.name, tenant=tenant)
        job = self._operator.extractions.submit(file, tenant=tenant, **sample.options)
        return Asked(tenant, sample, word, job.id)

    def finished(self, patience: float) -> list[Job]:
        """Each job as it ended. Raises WaitTimedOut."""
        deadline = time.monotonic() + patience
        return [
            self._operator.extractions.wait(
                asked.job_id, timeout=max(1.0, deadline - time.monotonic()), tenant=asked.tenant
            )
            for asked in self.asked
        ]

    def texts(self, jobs: Sequence[Job]) -> list[str]:
        """What was read for each job; nothing for those that have no result."""

        def read(asked: Asked, job: Job) -> str:
            if job.state not in {"succeeded", "partial"}:
                return ""
            return self._operator.extractions.text(job, tenant=asked.tenant)

        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(read, self.asked, jobs))

    def remove(self) -> None:
        for tenant in self.tenants:
            self._operator.tenants.delete(tenant)
