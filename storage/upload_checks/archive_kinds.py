"""Which contents are archives, and how far each kind can be looked into."""

from enum import Enum

from storage.upload_checks import media_type_names as types
from storage.upload_checks.decompression import COMPRESSED
from storage.upload_checks.signatures import by_signature
from storage.upload_checks.windows import Window
from storage.upload_checks.zip_directory import ends_as_zip

HEAD_BYTES = 1024


class ArchiveKind(Enum):
    ZIP = "zip"
    """Read from its end, so that it has to be seekable."""
    TAR = "tar"
    COMPRESSED = "compressed"
    """One packed file: gzip, bzip2, xz."""
    CLOSED = "closed"
    """Counts as a nesting level; there is no library here that opens it."""


_BY_TYPE = {
    types.ZIP: ArchiveKind.ZIP,
    types.TAR: ArchiveKind.TAR,
    **dict.fromkeys(COMPRESSED, ArchiveKind.COMPRESSED),
    **dict.fromkeys(
        (types.SEVEN_ZIP, types.RAR, types.ZSTD, "application/vnd.ms-cab-compressed", "application/x-lz4"),
        ArchiveKind.CLOSED,
    ),
}


def kind_by_head(head: bytes) -> ArchiveKind | None:
    return _BY_TYPE.get(by_signature(head) or "")


def is_archive(window: Window, signed: str | None) -> bool:
    """Whether it has a kind. `signed` is the type that its head proves."""
    return signed in _BY_TYPE or ends_as_zip(window)
