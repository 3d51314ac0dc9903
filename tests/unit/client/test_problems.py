import pickle

import httpx
import pytest

import muniment
from muniment.calls import Call, problem_of, read_answer, reads
from muniment.errors import problem_class


def answer(status: int, body: object = None, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=body, headers=names, request=httpx.Request("GET", "http://host/x"))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "bad-cursor", muniment.BadRequest),
        (401, "unauthorized", muniment.Unauthorized),
        (403, "missing-scope", muniment.Forbidden),
        (404, "not-found", muniment.NotFound),
        (409, "tenant-exists", muniment.Conflict),
        (409, "duplicate-file", muniment.DuplicateFile),
        (409, "not-finished", muniment.NotFinished),
        (412, "version-conflict", muniment.VersionConflict),
        (413, "file-too-large", muniment.TooLarge),
        (415, "extension-not-allowed", muniment.UnsupportedType),
        (422, "archive-unsafe", muniment.ArchiveUnsafe),
        (422, "immutable-field", muniment.Unprocessable),
        (428, "precondition-required", muniment.PreconditionRequired),
        (429, "rate-limited", muniment.RateLimited),
        (500, "internal", muniment.ServerError),
        (503, "overloaded", muniment.Unavailable),
        (507, "quota-exceeded", muniment.QuotaExceeded),
        (418, "something-new", muniment.Problem),
        (599, "something-new", muniment.ServerError),
    ],
)
def test_each_refusal_has_its_exception(status: int, code: str, kind: type[muniment.Problem]) -> None:
    assert problem_class(status, code) is kind


def test_a_problem_carries_everything_that_the_service_said() -> None:
    body = {
        "type": "urn:x",
        "title": "Unsafe",
        "status": 422,
        "detail": "Nested too deep.",
        "code": "archive-unsafe",
        "request_id": "r-7",
        "reason": "nesting-depth",
        "errors": [{"pointer": "/archive", "detail": "4 levels"}],
    }
    problem = problem_of(answer(422, body, Retry_After="12"))
    assert isinstance(problem, muniment.ArchiveUnsafe)
    assert (problem.code, problem.status, problem.detail) == ("archive-unsafe", 422, "Nested too deep.")
    assert (problem.request_id, problem.reason, problem.retry_after) == ("r-7", "nesting-depth", 12.0)
    assert problem.errors == (muniment.FieldError("/archive", "4 levels"),)
    assert str(problem) == "422 archive-unsafe: Nested too deep. [/archive: 4 levels] (request r-7)"


def test_an_answer_of_something_else_on_the_way_is_a_problem_too() -> None:
    response = httpx.Response(502, text="<html>Bad gateway</html>", headers={"X-Request-Id": "r-8"})
    problem = problem_of(response)
    assert isinstance(problem, muniment.ServerError)
    assert (problem.code, problem.detail, problem.request_id) == ("http-502", "Bad Gateway", "r-8")


@pytest.mark.parametrize("body", [{"id": "t"}, [], "text", None])
def test_an_answer_outside_the_contract_is_told_as_such(body: object) -> None:
    call = Call("files", "GET", "/x", reads(muniment.Tenant))
    with pytest.raises(muniment.MunimentError, match="http://host/x answered something"):
        read_answer(call, answer(200, body))


def test_problems_cross_processes() -> None:
    problem = problem_of(answer(404, {"code": "not-found", "detail": "gone", "request_id": "r-1"}))
    again = pickle.loads(pickle.dumps(problem))  # noqa: S301 - our own
    assert (type(again), str(again), again.request_id) == (muniment.NotFound, str(problem), "r-1")


def test_a_failed_job_crosses_processes() -> None:
    failure = muniment.JobFailed("ex_1", "fs_1", "timeout", "took too long", retryable=True)
    again = pickle.loads(pickle.dumps(failure))  # noqa: S301 - our own
    assert (str(again), again.code, again.retryable) == (str(failure), "timeout", True)
