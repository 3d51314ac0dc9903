"""Exceptions of the client. Everything it raises on purpose is a MunimentError.

try:
    client.files.upload("report.exe")
except muniment.UnsupportedType as problem:
    print(problem.code, problem.detail, problem.request_id)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


class MunimentError(Exception):
    """Something that the client or a service refused or could not do. Crosses processes by pickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[MunimentError], args: tuple[Any, ...], state: dict[str, Any]) -> MunimentError:
    # Constructors take keywords, and pickle would call them with the message alone.
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class NotConfigured(MunimentError):
    """The client was not told something that it needs: a tenant, a key."""


class ConnectionFailed(MunimentError):
    """No answer: the service cannot be reached, or the connection broke and repeating did not help or was unsafe."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"No answer from {url}: {reason}")
        self.url, self.reason = url, reason


class SourceChanged(MunimentError):
    """What was being uploaded became longer or shorter meanwhile; nothing was stored."""


class DownloadDamaged(MunimentError):
    """The bytes that arrived are not those of the file; nothing was left at the destination."""


class WaitTimedOut(MunimentError, TimeoutError):
    """The work goes on, only the waiting ended. `id` is the job's or operation's."""

    def __init__(self, id: str, state: str, seconds: float) -> None:  # noqa: A002 - the contract's name
        super().__init__(f"{id} is still {state} after {seconds:g} s.")
        self.id, self.state = id, state


class JobFailed(MunimentError):
    """An extraction ended without a result. `code` is the job's error code, or `cancelled`."""

    def __init__(self, job_id: str, file_id: str, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(f"{code}: {message} (job {job_id}, file {file_id})")
        self.job_id, self.file_id, self.code, self.message = job_id, file_id, code, message
        self.retryable = retryable


class OperationFailed(MunimentError):
    def __init__(self, operation_id: str, kind: str, result: Any) -> None:
        super().__init__(f"The operation {operation_id} ({kind}) failed: {result}")
        self.operation_id, self.kind, self.result = operation_id, kind, result


@dataclass(frozen=True)
class FieldError:
    """One bad field of a request; `pointer` is a JSON pointer into it."""

    pointer: str
    detail: str


class Problem(MunimentError):
    """A service's refusal, as problem+json (RFC 9457).

    `code` is the machine's word and the thing to branch on; `extra` has members beyond the standard ones, such as
    `reason` of `archive-unsafe`; `retry_after` is in seconds, where the service said so.
    """

    statuses: ClassVar[tuple[int, ...]] = ()
    codes: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        title: str = "",
        errors: tuple[FieldError, ...] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.title = status, code, detail, title
        self.errors, self.request_id, self.retry_after = errors, request_id, retry_after
        self.extra = dict(extra or {})

    @property
    def reason(self) -> str | None:
        """The finer word that some problems have, such as `nesting-depth` of `archive-unsafe`."""
        reason = self.extra.get("reason")
        return reason if isinstance(reason, str) else None

    def __str__(self) -> str:
        fields = "".join(f" [{error.pointer}: {error.detail}]" for error in self.errors)
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.status} {self.code}: {self.detail or self.title}{fields}{request}"


class BadRequest(Problem):
    statuses = (400,)


class Unauthorized(Problem):
    """No key, or one that is not valid (any more)."""

    statuses = (401,)


class Forbidden(Problem):
    """The key is right for the tenant, but lacks a scope."""

    statuses = (403,)


class NotFound(Problem):
    """No such thing, or one of another tenant: the answer is the same."""

    statuses = (404,)


class Conflict(Problem):
    """It cannot be done in the present state: the tenant exists, the job has finished, ..."""

    statuses = (409,)


class DuplicateFile(Conflict):
    codes = ("duplicate-file",)


class NotFinished(Conflict):
    codes = ("not-finished",)


class VersionConflict(Problem):
    """Someone changed it since it was read: read again, and decide again."""

    statuses = (412,)


class TooLarge(Problem):
    statuses = (413,)


class UnsupportedType(Problem):
    """The extension or media type is not allowed, or cannot be extracted."""

    statuses = (415,)


class Unprocessable(Problem):
    """What was sent is well-formed and still wrong; `errors` names the fields where there are any."""

    statuses = (422,)


class ArchiveUnsafe(Unprocessable):
    """The archive breaks the tenant's limits; `reason` says which."""

    codes = ("archive-unsafe",)


class PreconditionRequired(Problem):
    statuses = (428,)


class RateLimited(Problem):
    """Too many requests or queued jobs; `retry_after` says when to try again."""

    statuses = (429,)


class ServerError(Problem):
    """The service failed; `request_id` finds it in the logs."""


class Unavailable(ServerError):
    """Overloaded or shutting down, also after the client repeated the call."""

    statuses = (503,)


class QuotaExceeded(Problem):
    """The file would not fit into what the tenant may store."""

    statuses = (507,)


def _all_problems(kind: type[Problem]) -> list[type[Problem]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _all_problems(child))]


# A class answers for what stands in itself, not for what it inherits.
_BY_CODE = {code: kind for kind in _all_problems(Problem) for code in vars(kind).get("codes", ())}
_BY_STATUS = {status: kind for kind in _all_problems(Problem) for status in vars(kind).get("statuses", ())}


def problem_class(status: int, code: str) -> type[Problem]:
    """The code decides, else the status, else the status's hundred."""
    fallback = ServerError if status >= 500 else Problem  # noqa: PLR2004 - HTTP's border
    return _BY_CODE.get(code) or _BY_STATUS.get(status) or fallback
