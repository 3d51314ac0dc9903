"""What a replica does when its process is told to end: by itself, Ray 2.60 ends it with requests in the middle.

Ray's handler of SIGTERM raises `SystemExit` in the main thread, which takes the process out of the cluster at once;
later hooks (`atexit`, `__del__`) find it unable to call an actor, so an upload could not be committed. Handlers can be
set in the main thread only, where nothing of a replica runs. What is left is the function that Ray's handler ends with.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from ray._private import worker


def drain_before_end(drain: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """At the first SIGTERM run `drain` in the loop that this is called in, and end after it; a second ends at once."""
    loop = asyncio.get_running_loop()
    end = worker.raise_sys_exit_with_custom_error_message

    def drain_then_end(*_: object, **__: object) -> None:
        worker.raise_sys_exit_with_custom_error_message = end
        drained = asyncio.run_coroutine_threadsafe(drain(), loop)
        drained.add_done_callback(lambda _: os.kill(os.getpid(), signal.SIGTERM))

    worker.raise_sys_exit_with_custom_error_message = drain_then_end
