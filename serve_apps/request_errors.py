"""What can be wrong with a request, whatever it asks for."""

from storage.errors import MunimentError


class Unauthorized(MunimentError):
    code = "unauthorized"
    title = "A valid key is needed"

    def __str__(self) -> str:
        return "Send a valid key as 'Authorization: Bearer KEY'."


class MissingScope(MunimentError):
    code = "missing-scope"
    title = "The key may not do this"

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope

    def __str__(self) -> str:
        return f"This call needs a key with the scope '{self.scope}'."


class BadRequest(MunimentError):
    code = "bad-request"
    title = "The request cannot be understood"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class BadCursor(MunimentError):
    code = "bad-cursor"
    title = "Not a cursor of this list"

    def __str__(self) -> str:
        return "The cursor belongs to another tenant, filter or sort order. Begin again without one."


class PreconditionRequired(MunimentError):
    code = "precondition-required"
    title = "If-Match is needed"

    def __str__(self) -> str:
        return "Send the ETag of the version that you saw as If-Match, so that nobody's change is lost."


class UnsupportedPatch(MunimentError):
    code = "unsupported-media-type"
    title = "Not a merge patch"

    def __str__(self) -> str:
        return "Send application/merge-patch+json."


class OneFilePerRequest(MunimentError):
    code = "one-file-per-request"
    title = "Exactly one file a request"

    def __init__(self, found: int) -> None:
        super().__init__(found)
        self.found = found

    def __str__(self) -> str:
        return f"The form has {self.found} 'file' parts; send exactly one."


class BodyTooLarge(MunimentError):
    """Of a request whose body is JSON."""

    code = "body-too-large"
    title = "The body is too large"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"The body of this request has at most {self.limit} bytes."


class BodyTooLargeForGateway(MunimentError):
    """`advice` names the port that takes the body, and the other way to send it."""

    code = "body-too-large-for-gateway"
    title = "Too large for the gateway"

    def __init__(self, limit: int, advice: str) -> None:
        super().__init__(limit, advice)
        self.limit, self.advice = limit, advice

    def __str__(self) -> str:
        return f"The gateway takes bodies of up to {self.limit} bytes. {self.advice}"


class RateLimited(MunimentError):
    """`policy` names the limit as the RateLimit header fields do; `retry_after` is in seconds."""

    code = "rate-limited"
    title = "Too much in one minute"

    def __init__(self, policy: str, retry_after: int) -> None:
        super().__init__(policy, retry_after)
        self.policy, self.retry_after = policy, retry_after

    def __str__(self) -> str:
        return f"The tenant's limit '{self.policy}' leaves no room for this. Try again in {self.retry_after} s."


class Overloaded(MunimentError):
    code = "overloaded"
    title = "Too many requests at once"
    retry_after = 1

    def __str__(self) -> str:
        return "This replica answers as many requests at once as it can. Try again in a moment."


class RangeNotSatisfiable(MunimentError):
    """`size` is the whole file's, in bytes."""

    code = "range-not-satisfiable"
    title = "No such range"

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size

    def __str__(self) -> str:
        return f"The file has {self.size} bytes."


class ShuttingDown(MunimentError):
    code = "shutting-down"
    title = "This replica is shutting down"

    def __str__(self) -> str:
        return "This replica is shutting down. Try again: another one answers."
