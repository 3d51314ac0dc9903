"""One archive looked through: which format it is, and why it may not be kept."""

from dataclasses import dataclass
from pathlib import Path

from storage.upload_checks import media_type_names as types
from storage.upload_checks.archive_budget import WalkLimits
from storage.upload_checks.archive_kinds import HEAD_BYTES
from storage.upload_checks.archives import look_through
from storage.upload_checks.signatures import by_signature
from storage.upload_checks.windows import Window
from storage.upload_checks.zip_directory import find_directory
from storage.upload_checks.zip_flavours import zip_flavour
from storage.upload_errors import ArchiveUnsafe, UnsafeReason


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    zip_type: str | None
    """What kind of zip it is; None for other archives, and where the directory cannot be read."""
    reason: UnsafeReason | None = None
    detail: str = ""


def report_on(path: Path, limits: WalkLimits) -> ArchiveReport:
    """Takes as long and as much memory as the archive wants, within `limits`: run it in a process of its own."""
    with path.open("rb") as file:
        window = Window.of_file(file)
        zip_type = _zip_type(window)
        try:
            look_through(window, limits)
        except ArchiveUnsafe as unsafe:
            return ArchiveReport(zip_type, unsafe.reason, unsafe.detail)
        except MemoryError:
            return ArchiveReport(zip_type, "uncompressed-size", "Looking through the archive takes too much memory.")
    return ArchiveReport(zip_type)


def _zip_type(window: Window) -> str | None:
    if by_signature(window.head(HEAD_BYTES)) != types.ZIP:
        return None
    try:
        directory = find_directory(window)
        return zip_flavour(directory) if directory else None
    except ArchiveUnsafe:
        return None
