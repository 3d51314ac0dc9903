"""Where attempts at jobs run: an autoscaled pool of Serve replicas, each with a fork server of parsing children."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from actors.extraction_jobs import ExtractionJobs
from actors.extractors.document import RecognisedPage
from actors.extractors.extractor import ParseLimits
from actors.extractors.kinds import ENGINE_VERSION
from actors.parse_process import ParserProcesses
from actors.pool_options import HEALTH_CHECKS
from actors.scratch_folder import ScratchFolder
from storage.database import Database
from storage.extraction_records import ClaimedJob
from storage.job_passwords import JobPasswords
from storage.job_queue import JobQueue
from storage.logs import configure_logging
from storage.settings import Settings, get_settings

log = logging.getLogger(__name__)

JOBS_PER_PARSER = 4
"""A job that waits for OCR holds a place but no processor."""
LEASE_SECONDS = 30.0
"""Parser and runner renew it every second or two; an overloaded machine may keep both from it for a while."""
DRAIN_SECONDS = 4 * 3600.0
"""A replica that is scaled away may finish what it has, and a long scan takes hours; a runner that stops cancels its
calls long before.
"""
OCR_TRIES = 3
"""A page is tried so often when its replica dies under it; then the page, not the document, has failed."""
SCRATCH = ".scratch"


class Parser:
    def __init__(self, ocr: DeploymentHandle[Any]) -> None:
        settings = get_settings()
        configure_logging("parser", settings.log_level)
        self._ocr = ocr
        self._database = Database(settings.database_url, pool_size=JOBS_PER_PARSER)
        self._scratch = ScratchFolder(settings.base_path / SCRATCH)
        self._processes = ParserProcesses(_limits(settings), self._scratch.path)
        self._jobs = ExtractionJobs(
            queue=JobQueue(self._database, LEASE_SECONDS),
            parse=self._processes.parse,
            recognise=self._recognise,
            base_path=settings.base_path,
            passwords=JobPasswords(settings.resolved_key_pepper()),
            engine_version=ENGINE_VERSION,
            max_seconds=settings.extraction_timeout_seconds,
        )
        self._warming = asyncio.create_task(self._processes.start(), name="fork server")

    async def run(self, claim: ClaimedJob) -> None:
        """Work on a claimed job, to its end in the database. Cancelling the call kills the work."""
        await self._jobs.run(claim)

    async def _recognise(self, image_path: Path) -> RecognisedPage:
        for tries_left in reversed(range(OCR_TRIES)):
            response = self._ocr.recognise.remote(str(image_path))
            try:
                page: RecognisedPage = await response
            except asyncio.CancelledError:
                # Serve cancels what a cancelled call had asked for only where the call came by HTTP.
                response.cancel()
                raise
            except (RayError, RayServeException) as error:
                # What the engine itself raised on the page, it would raise again.
                if not tries_left or isinstance(error, RayTaskError):
                    raise
                log.warning("page lost with its engine", extra={"reason": type(error).__name__})
            else:
                return page
        raise AssertionError("unreachable: the last try returns or raises")

    async def facts(self) -> dict[str, Any]:
        return {"pid": os.getpid()}

    async def __del__(self) -> None:
        self._warming.cancel()
        await self._processes.close()
        self._scratch.close()
        await self._database.close()


def parser_pool(settings: Settings) -> Any:
    """The deployment, with bounds from the settings."""
    return serve.deployment(
        name="Parser",
        max_ongoing_requests=JOBS_PER_PARSER,
        ray_actor_options={"num_cpus": 0.2},
        **HEALTH_CHECKS,
        graceful_shutdown_wait_loop_s=1.0,
        graceful_shutdown_timeout_s=DRAIN_SECONDS,
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": settings.parser_max_replicas,
            "target_ongoing_requests": JOBS_PER_PARSER / 2,
            "upscale_delay_s": 3.0,
            "downscale_delay_s": settings.pool_idle_seconds,
        },
    )(Parser)


def _limits(settings: Settings) -> ParseLimits:
    return ParseLimits(
        max_pages=settings.extraction_max_pages,
        memory_bytes=settings.extraction_memory_bytes,
        page_seconds=settings.extraction_page_timeout_seconds,
    )
