import pytest
from ray.exceptions import ActorDiedError, OutOfMemoryError, RayError, TaskCancelledError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, RayServeException, RequestCancelledError

from actors.job_loop import NoWorkers, WorkerDied
from actors.worker_errors import as_told


@pytest.mark.parametrize("error", [ActorDiedError(), WorkerCrashedError(), OutOfMemoryError("killed")])
def test_an_error_that_takes_the_worker_along_counts_against_the_job(error: RayError) -> None:
    assert isinstance(as_told(error), WorkerDied)


@pytest.mark.parametrize("error", [BackPressureError(1, 1), RequestCancelledError("r"), TaskCancelledError()])
def test_a_call_that_nobody_worked_on_does_not(error: RayError | RayServeException) -> None:
    assert isinstance(as_told(error), NoWorkers)
    assert str(as_told(error)) == type(error).__name__
