"""Ends that a library kept from whoever was to end."""

import asyncio


def end_when_cancelled() -> None:
    """A driver may lose a cancellation that comes together with its answer, or fail with an error of its own."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
