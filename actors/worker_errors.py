"""What it means when a call to a pool's worker fails in a way that the worker did not choose."""

from ray.exceptions import RayError, TaskCancelledError
from ray.serve.exceptions import RayServeException

from actors.job_loop import NoWorkers, WorkerDied


def as_told(error: RayError | RayServeException) -> WorkerDied | NoWorkers:
    """Serve refuses and cancels calls that nobody works on; any other failure took a worker with it."""
    if isinstance(error, RayServeException | TaskCancelledError):
        return NoWorkers(type(error).__name__)
    return WorkerDied(type(error).__name__)
