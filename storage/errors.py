"""What can go wrong with a tenant, a file or an extraction, in words that a user can act on.

Constructors are positional: errors cross processes by pickle. `code` is the API's word; the HTTP status of each class
stands in one table in `serve_apps/problems.py`.
"""

from typing import ClassVar, Self

from pydantic import ValidationError


def pointer(*parts: int | str) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


class MunimentError(Exception):
    """An expected failure. `str()` of it may be shown to the caller."""

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"


class NotFound(MunimentError):
    code = "not-found"
    title = "Not found"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"There is no such {self.what}."


class InvalidTenantCode(MunimentError):
    code = "invalid-tenant-code"
    title = "Not a tenant code"

    def __str__(self) -> str:
        return (
            "A tenant code has 2 to 63 characters: lower-case letters, digits, '_' and '-', "
            "beginning with a letter or digit."
        )


class TenantExists(MunimentError):
    code = "tenant-exists"
    title = "The tenant exists"

    def __init__(self, tenant_code: str) -> None:
        super().__init__(tenant_code)
        self.tenant_code = tenant_code

    def __str__(self) -> str:
        return f"There is a tenant with the code '{self.tenant_code}' already."


class TenantCodeRetired(MunimentError):
    code = "tenant-code-retired"
    title = "The tenant code is retired"

    def __init__(self, tenant_code: str) -> None:
        super().__init__(tenant_code)
        self.tenant_code = tenant_code

    def __str__(self) -> str:
        return f"A deleted tenant had the code '{self.tenant_code}'; codes are never used twice."


class TenantSuspended(MunimentError):
    code = "tenant-suspended"
    title = "The tenant is suspended"

    def __str__(self) -> str:
        return "This tenant is suspended: it can be read, not changed."


class VersionConflict(MunimentError):
    code = "version-conflict"
    title = "Changed by someone else"

    def __init__(self, current: int) -> None:
        super().__init__(current)
        self.current = current

    def __str__(self) -> str:
        return f"If-Match names another version than the present one, m{self.current}. Read again and repeat."


class InvalidFields(MunimentError):
    """`fields` pairs what is wrong (a JSON pointer, or the name of a query parameter or header) with why."""

    code = "invalid-request"
    title = "The request is not valid"

    def __init__(self, fields: tuple[tuple[str, str], ...]) -> None:
        super().__init__(fields)
        self.fields = fields

    @classmethod
    def of(cls, error: ValidationError, below: str = "") -> Self:
        """What pydantic found wrong, with pointers below `below`."""
        return cls(tuple((below + pointer(*item["loc"]), item["msg"]) for item in error.errors()))

    @classmethod
    def one(cls, pointer: str, detail: str) -> Self:
        return cls(((pointer, detail),))

    def __str__(self) -> str:
        return "; ".join(f"{pointer}: {detail}" if pointer else detail for pointer, detail in self.fields)


class ImmutableField(InvalidFields):
    code = "immutable-field"
    title = "This field cannot be changed"


class QuotaExceeded(MunimentError):
    """`resource` is `bytes` or `files`."""

    code = "quota-exceeded"
    title = "The quota is used up"

    def __init__(self, resource: str, wanted: int, limit: int) -> None:
        super().__init__(resource, wanted, limit)
        self.resource, self.wanted, self.limit = resource, wanted, limit

    def __str__(self) -> str:
        return f"With this file the tenant would hold {self.wanted} {self.resource} of {self.limit} allowed."


class DuplicateFile(MunimentError):
    code = "duplicate-file"
    title = "The tenant has this file"

    def __init__(self, file_id: str) -> None:
        super().__init__(file_id)
        self.file_id = file_id

    def __str__(self) -> str:
        return f"The same bytes are stored as {self.file_id}, and this tenant rejects duplicates."


class DigestMismatch(MunimentError):
    code = "digest-mismatch"
    title = "The bytes are not what the digest says"

    def __str__(self) -> str:
        return "The SHA-256 of the received bytes differs from the one in Repr-Digest. Send the file again."


class IdempotencyKeyReused(MunimentError):
    code = "idempotency-key-reused"
    title = "The idempotency key was used for another request"

    def __str__(self) -> str:
        return "This Idempotency-Key came with a different request before. Use a new key."


class IdempotencyKeyInUse(MunimentError):
    code = "idempotency-key-in-use"
    title = "The first request is still running"

    def __str__(self) -> str:
        return "A request with this Idempotency-Key is still running. Ask again later."


class NotExtractable(MunimentError):
    code = "not-extractable"
    title = "This kind of file cannot be extracted"

    def __init__(self, media_type: str) -> None:
        super().__init__(media_type)
        self.media_type = media_type

    def __str__(self) -> str:
        return f"Files of type {self.media_type} cannot be extracted."


class TooManyWebhooks(MunimentError):
    code = "too-many-webhooks"
    title = "Too many webhooks"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"A tenant has at most {self.limit} webhooks."


class TooManyQueued(MunimentError):
    code = "too-many-queued"
    title = "Too many extractions wait"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"The tenant has {self.limit} extractions waiting, the most it may have. Try again later."


class NotFinished(MunimentError):
    code = "not-finished"
    title = "The extraction has not finished"

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state

    def __str__(self) -> str:
        return f"The extraction is {self.state}; there is a result when it has succeeded."


class AlreadyFinished(MunimentError):
    code = "already-finished"
    title = "The extraction has finished"

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state

    def __str__(self) -> str:
        return f"The extraction is {self.state} and cannot be cancelled."


class TenantActorFenced(MunimentError):
    """A newer activation of the tenant's actor took over; whoever called asks again and finds it."""

    code = "overloaded"
    title = "Try again"

    def __str__(self) -> str:
        return "The tenant's changes moved to another worker. Try again."


class Unavailable(MunimentError):
    """Something this service needs does not answer now. `retry_after` is in seconds."""

    code = "overloaded"
    title = "Not available now"

    def __init__(self, what: str, retry_after: int = 2) -> None:
        super().__init__(what, retry_after)
        self.what, self.retry_after = what, retry_after

    def __str__(self) -> str:
        return f"The {self.what} does not answer now. Try again in {self.retry_after} s."


class StorageFull(Unavailable):
    """The volume takes nothing more. Not a tenant's quota: its operator must make room."""

    code = "storage-full"
    title = "No room left"

    def __str__(self) -> str:
        return f"The {self.what} is full: nothing can be stored until its operator has made room."
