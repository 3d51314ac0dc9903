import pytest

from muniment.corpus import outcome_of_failure, outcome_of_problem
from muniment.errors import JobFailed, Problem, problem_class


def problem(status: int, code: str, reason: str | None = None) -> Problem:
    return problem_class(status, code)(status, code, "", extra={"reason": reason} if reason else {})


@pytest.mark.parametrize(
    ("status", "code", "reason", "outcome"),
    [
        (413, "file-too-large", None, "rejected"),
        (415, "extension-not-allowed", None, "rejected"),
        (415, "not-extractable", None, "rejected"),
        (422, "media-type-mismatch", None, "rejected"),
        (422, "archive-unsafe", "ratio", "rejected"),
        (422, "archive-unsafe", "encrypted", "password"),
        (422, "archive-unsafe", "corrupt", "corrupt"),
        (507, "quota-exceeded", None, "rejected"),
        (401, "unauthorized", None, "error"),
        (429, "rate-limited", None, "error"),
        (500, "internal", None, "error"),
        (503, "overloaded", None, "error"),
    ],
)
def test_a_refusal_is_an_outcome_and_a_failing_service_is_none(
    status: int, code: str, reason: str | None, outcome: str
) -> None:
    assert outcome_of_problem(problem(status, code, reason))["status"] == outcome


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("corrupt-file", "corrupt"),
        ("password-required", "password"),
        ("wrong-password", "password"),
        ("too-many-pages", "rejected"),
        ("image-too-large", "rejected"),
        ("timeout", "rejected"),
        ("out-of-memory", "rejected"),
        ("worker-crashed", "error"),
        ("internal", "error"),
        ("cancelled", "error"),
    ],
)
def test_each_job_error_has_its_outcome(code: str, outcome: str) -> None:
    assert outcome_of_failure(JobFailed("ex_1", "fs_1", code, ""))["status"] == outcome
