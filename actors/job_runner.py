"""Where the job loop runs: one Serve replica, which hands jobs to the parser pool."""

import asyncio
import logging
import os
from typing import Any

from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from actors.job_loop import JobLoop
from actors.parser_pool import JOBS_PER_PARSER, LEASE_SECONDS
from actors.worker_errors import as_told
from storage import extraction_signals
from storage.database import Database
from storage.extraction_records import ClaimedJob
from storage.job_queue import JobQueue
from storage.logs import configure_logging
from storage.settings import get_settings
from storage.signal_listener import SignalListener

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0
"""What a stopping runner waits for its jobs; then it gives them back."""


@serve.deployment(
    name="JobRunner",
    # A second one would do no harm: claims are exclusive in the database.
    num_replicas=1,
    ray_actor_options={"num_cpus": 0.05},
    health_check_period_s=5.0,
    graceful_shutdown_wait_loop_s=1.0,
    graceful_shutdown_timeout_s=STOP_SECONDS + 10,
)
class JobRunner:
    def __init__(self, parser: DeploymentHandle[Any]) -> None:
        settings = get_settings()
        configure_logging("job-runner", settings.log_level)
        self._parser = parser
        self._database = Database(settings.database_url, pool_size=4)
        slots = settings.parser_max_replicas * JOBS_PER_PARSER
        self._loop = JobLoop(JobQueue(self._database, LEASE_SECONDS), self._work, slots)
        listener = SignalListener(
            settings.database_url,
            [extraction_signals.WORK, extraction_signals.STOP],
            self._loop.hear,
            self._loop.look_around,
        )
        self._running = asyncio.create_task(self._loop.run(), name="job loop")
        self._listening = asyncio.create_task(listener.run(), name="job signals")

    async def _work(self, claim: ClaimedJob) -> None:
        response = self._parser.run.remote(claim)
        try:
            await response
        except asyncio.CancelledError:
            response.cancel()
            raise
        except RayTaskError:
            # Raised by the parser itself, which catches everything that a job can do to it.
            raise
        except (RayError, RayServeException) as error:
            raise as_told(error) from error

    async def facts(self) -> dict[str, Any]:
        return {"pid": os.getpid(), "running": self._loop.running}

    def check_health(self) -> None:
        for task in (self._running, self._listening):
            if task.done():
                raise RuntimeError(f"The {task.get_name()} has ended.")

    async def __del__(self) -> None:
        await self._loop.stop(STOP_SECONDS)
        self._listening.cancel()
        await asyncio.gather(self._running, self._listening, return_exceptions=True)
        await self._database.close()
        log.info("job runner stopped")
