"""Why a received file is not kept, in the order in which the reasons are looked for."""

from typing import ClassVar, Literal

from storage.errors import MunimentError

UnsafeReason = Literal[
    "nesting-depth",
    "entries",
    "ratio",
    "uncompressed-size",
    "encrypted",
    "traversal",
    "overlap",
    "duplicate-name",
    "corrupt",
]


class InvalidFileName(MunimentError):
    """`reason` completes the sentence 'The file name ...'."""

    code: ClassVar[str] = "invalid-file-name"
    title: ClassVar[str] = "Not a file name"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The file name {self.reason}."


class FileTooLarge(MunimentError):
    """`size` is None where reading stopped at the limit, before the whole size was known."""

    code: ClassVar[str] = "file-too-large"
    title: ClassVar[str] = "The file is too large"

    def __init__(self, size: int | None, limit: int) -> None:
        super().__init__(size, limit)
        self.size, self.limit = size, limit

    def __str__(self) -> str:
        if self.size is None:
            return f"The file has more than {self.limit} bytes, the most this tenant allows."
        return f"The file has {self.size} bytes; this tenant allows {self.limit}."


class ExtensionNotAllowed(MunimentError):
    code: ClassVar[str] = "extension-not-allowed"
    title: ClassVar[str] = "The extension is not allowed"

    def __init__(self, extension: str) -> None:
        super().__init__(extension)
        self.extension = extension

    def __str__(self) -> str:
        kind = f"the extension '{self.extension}'" if self.extension else "no extension"
        return f"This tenant does not store files with {kind}."


class MediaTypeNotAllowed(MunimentError):
    code: ClassVar[str] = "media-type-not-allowed"
    title: ClassVar[str] = "The media type is not allowed"

    def __init__(self, media_type: str) -> None:
        super().__init__(media_type)
        self.media_type = media_type

    def __str__(self) -> str:
        return f"This tenant does not store files of type {self.media_type}."


class MediaTypeMismatch(MunimentError):
    """`claimed` is the media type that name or declaration stand for, `detected` the content's."""

    code: ClassVar[str] = "media-type-mismatch"
    title: ClassVar[str] = "The content is something else"

    def __init__(self, claimed: str, detected: str) -> None:
        super().__init__(claimed, detected)
        self.claimed, self.detected = claimed, detected

    def __str__(self) -> str:
        return f"Name or declaration say {self.claimed}, the content is {self.detected}."


class ArchiveUnsafe(MunimentError):
    code: ClassVar[str] = "archive-unsafe"
    title: ClassVar[str] = "The archive is not safe to keep"

    def __init__(self, reason: UnsafeReason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail

    def __str__(self) -> str:
        return self.detail
