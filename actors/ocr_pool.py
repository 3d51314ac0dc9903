"""Where OCR runs: an autoscaled pool of Serve replicas, each with an engine in a child process."""

import os
from pathlib import Path
from typing import Any

from ray import serve

from actors.extractors.document import RecognisedPage
from actors.ocr_process import OcrLimits, OcrProcess
from actors.pool_options import HEALTH_CHECKS
from storage.logs import configure_logging
from storage.settings import Settings, get_settings

PAGES_PER_ENGINE = 2
"""One is read, the next waits at hand."""


class OcrReplica:
    async def __init__(self) -> None:  # type: ignore[misc] # Serve awaits it
        settings = get_settings()
        configure_logging("ocr", settings.log_level)
        limits = OcrLimits(
            page_seconds=settings.ocr_page_timeout_seconds,
            pages=settings.ocr_recycle_pages,
            growth_bytes=settings.ocr_recycle_growth_bytes,
        )
        cache = settings.home.absolute() / "ocr"
        self._process = OcrProcess(limits, [str(cache), str(settings.ocr_model_dir or "")])
        await self._process.start()

    async def recognise(self, image_path: str) -> RecognisedPage:
        """The text on a page image that lies on the storage volume."""
        return await self._process.recognise(Path(image_path))

    async def facts(self) -> dict[str, Any]:
        return {"pid": os.getpid()}

    async def __del__(self) -> None:
        await self._process.close()


def ocr_pool(settings: Settings) -> Any:
    """The deployment, with bounds from the settings."""
    return serve.deployment(
        name="OcrEngine",
        max_ongoing_requests=PAGES_PER_ENGINE,
        ray_actor_options={"num_cpus": 0.4},
        **HEALTH_CHECKS,
        graceful_shutdown_wait_loop_s=1.0,
        graceful_shutdown_timeout_s=60.0,
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": settings.ocr_max_replicas,
            "target_ongoing_requests": 1.5,
            "upscale_delay_s": 3.0,
            "downscale_delay_s": settings.pool_idle_seconds,
        },
    )(OcrReplica)
