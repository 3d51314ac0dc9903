"""Where OCR runs: an autoscaled pool of Serve replicas, each with an engine that reads one page at a time."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ray import serve

from actors.extractors.document import RecognisedPage
from actors.ocr_engine import OcrEngine
from storage.logs import configure_logging
from storage.settings import Settings, get_settings

PAGES_PER_ENGINE = 2
"""One is read, the next waits at hand."""


class OcrReplica:
    def __init__(self) -> None:
        settings = get_settings()
        configure_logging("ocr", settings.log_level)
        self._engine = OcrEngine(settings.home.absolute() / "ocr", settings.ocr_model_dir)
        # One thread, not a lock: a cancelled call leaves its page in the thread, and the engine takes one at a time.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ocr")

    async def recognise(self, image_path: str) -> RecognisedPage:
        """The text on a page image that lies on the storage volume."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._engine.recognise, Path(image_path))

    async def facts(self) -> dict[str, Any]:
        return {"pid": os.getpid()}


def ocr_pool(settings: Settings) -> Any:
    """The deployment, with bounds from the settings."""
    return serve.deployment(
        name="OcrEngine",
        max_ongoing_requests=PAGES_PER_ENGINE,
        ray_actor_options={"num_cpus": 0.4},
        graceful_shutdown_wait_loop_s=1.0,
        graceful_shutdown_timeout_s=60.0,
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": settings.ocr_max_replicas,
            "target_ongoing_requests": 1.5,
            "upscale_delay_s": 3.0,
            "downscale_delay_s": 120.0,
        },
    )(OcrReplica)
