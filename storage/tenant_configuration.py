"""A tenant's `configuration`: what it may store and how much of the cluster it may take.

Stored sparsely (only what was set, so that a changed default reaches every tenant that did not choose) and read with
the defaults filled in:

    configuration = TenantConfiguration.model_validate(stored)     # read
    configuration.model_dump(mode="json")                          # what a client sees
    configuration.stored()                                         # what goes into the JSONB column
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from storage.merge_patch import merge_patch
from storage.upload_checks.media_type_names import canonical

EXTENSION = re.compile(r"\.[a-z0-9]{1,16}")
_NAME = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"  # restricted-name of RFC 6838, section 4.2
_MEDIA_TYPE_PATTERN = re.compile(rf"\*/\*|{_NAME}/(?:\*|{_NAME})")

GIBI = 2**30


def _extension(value: str) -> str:
    """`PDF`, `pdf` and `.Pdf` are `.pdf`; the empty string stands for files without an extension."""
    if not value:
        return value
    extension = "." + value.removeprefix(".").lower()
    if not value.isascii() or not EXTENSION.fullmatch(extension):
        raise ValueError("an extension is 1 to 16 letters and digits, with or without its dot, or empty")
    return extension


def _media_type_pattern(value: str) -> str:
    pattern = value.lower()
    if not value.isascii() or not _MEDIA_TYPE_PATTERN.fullmatch(pattern):
        raise ValueError("a media type is like 'application/pdf' or 'image/*', without parameters")
    return pattern


def _without_repeats(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


Extensions = Annotated[
    list[Annotated[str, AfterValidator(_extension)]], Field(max_length=1000), AfterValidator(_without_repeats)
]
MediaTypePatterns = Annotated[
    list[Annotated[str, AfterValidator(_media_type_pattern)]],
    Field(max_length=1000),
    AfterValidator(_without_repeats),
]
# PostgreSQL's bigint holds every size and count.
Positive = Annotated[int, Field(ge=1, le=2**63 - 1)]


class _Section(BaseModel):
    # Strict: `true` is no size and `"10"` no number. Frozen: a cached configuration is shared by requests.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ArchiveLimits(_Section):
    """How far an archive may go before it is refused as `archive-unsafe`. Counts are over all nesting levels."""

    max_nesting_depth: Annotated[int, Field(ge=0, le=16)] = 3
    """Archives inside the uploaded one: 0 allows none, 3 allows zip > zip > zip > zip."""
    max_entries: Positive = 10_000
    max_uncompressed_bytes: Positive = 4 * GIBI
    max_compression_ratio: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 100
    """Everything unpacked, against the size of the upload; only looked at beyond the first unpacked 256 KiB."""
    allow_encrypted: bool = False


class RateLimit(_Section):
    """`None` sets no limit."""

    requests_per_minute: Positive | None = None
    upload_bytes_per_minute: Positive | None = None


class ExtractionShare(_Section):
    max_running: Annotated[int, Field(ge=1, le=10_000)] = 32
    priority_weight: Annotated[int, Field(ge=1, le=100)] = 1


class TenantConfiguration(_Section):
    """`None` for an allow-list means anything not denied; an empty allow-list allows nothing. Denying wins."""

    allowed_extensions: Extensions | None = None
    denied_extensions: Extensions = Field(default_factory=list)
    allowed_media_types: MediaTypePatterns | None = None
    denied_media_types: MediaTypePatterns = Field(default_factory=list)
    max_file_size_bytes: Positive = 5 * GIBI
    max_total_bytes: Positive | None = None
    max_files: Positive | None = None
    archive: ArchiveLimits = Field(default_factory=ArchiveLimits)
    duplicate_policy: Literal["allow", "reject"] = "allow"
    rate_limit: RateLimit = Field(default_factory=RateLimit)
    extraction: ExtractionShare = Field(default_factory=ExtractionShare)
    isolation: Literal["pooled", "dedicated"] = "pooled"

    def stored(self) -> dict[str, Any]:
        """Only what was set, normalised: the value of the JSONB column."""
        return self.model_dump(mode="json", exclude_unset=True)

    def patched(self, patch: dict[str, Any]) -> Self:
        """What an RFC 7396 merge-patch makes of it: `null` sets a value back to its default.

        Raises pydantic.ValidationError with the locations of bad fields.
        """
        return type(self).model_validate(merge_patch(self.stored(), patch))

    @classmethod
    def created_from(cls, given: dict[str, Any]) -> Self:
        """A new tenant's configuration; `null` means the default here as well."""
        return cls.model_validate(merge_patch({}, given))

    def allows_extension(self, extension: str) -> bool:
        """`extension` as `extension_of` gives it: lower case with its dot, or empty."""
        if extension in self.denied_extensions:
            return False
        return self.allowed_extensions is None or extension in self.allowed_extensions

    def allows_media_type(self, media_type: str) -> bool:
        """`media_type` as `canonical` gives it; patterns may use its other names."""
        if self.denies_media_type(media_type):
            return False
        return self.allowed_media_types is None or _matches_any(media_type, self.allowed_media_types)

    def denies_media_type(self, media_type: str) -> bool:
        return _matches_any(media_type, self.denied_media_types)


def _matches_any(media_type: str, patterns: list[str]) -> bool:
    wildcard = media_type.partition("/")[0] + "/*"
    return any(canonical(pattern) in {media_type, wildcard, "*/*"} for pattern in patterns)
