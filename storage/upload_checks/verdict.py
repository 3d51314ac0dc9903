"""Whether an upload may be kept, in the order in which the contract gives the reasons.

Before reading the body: `display_name`, `check_headers`; when it is received and before it is kept: `check_content`.
Before it gets another name: `display_name`, `check_renaming`.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path

from storage.tenant_configuration import TenantConfiguration
from storage.upload_checks import media_type_names as types
from storage.upload_checks.archive_process import ArchiveChecker
from storage.upload_checks.archive_report import ArchiveReport
from storage.upload_checks.claims import best_media_type, check_claims
from storage.upload_checks.file_names import extension_of
from storage.upload_checks.media_types import Content, sniff, sniff_window
from storage.upload_checks.windows import Window
from storage.upload_errors import ArchiveUnsafe, ExtensionNotAllowed, FileTooLarge, MediaTypeNotAllowed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is stored about a file that may be kept."""

    media_type: str
    extension: str


def check_headers(
    configuration: TenantConfiguration, file_name: str, declared_media_type: str | None, declared_size: int | None
) -> None:
    """What can be refused before a byte is read. Raises FileTooLarge, ExtensionNotAllowed, MediaTypeNotAllowed.

    `file_name` is a `display_name`; None stands for what the client did not say. A declaration that says nothing
    (missing, `application/octet-stream`) is refused only where it is denied by name: the content decides.
    """
    if declared_size is not None and declared_size > configuration.max_file_size_bytes:
        raise FileTooLarge(declared_size, configuration.max_file_size_bytes)
    extension = extension_of(file_name)
    if not configuration.allows_extension(extension):
        raise ExtensionNotAllowed(extension)
    declared = types.canonical(declared_media_type or "")
    if configuration.denies_media_type(declared):
        raise MediaTypeNotAllowed(declared)
    if declared not in types.SILENT and not configuration.allows_media_type(declared):
        raise MediaTypeNotAllowed(declared)


async def check_renaming(path: Path, media_type: str, file_name: str) -> None:
    """Whether the file at `path`, stored as `media_type`, could have been uploaded under this `display_name`.

    Raises MediaTypeMismatch. What its extension allows is the tenant's configuration's word.
    """
    content = await asyncio.to_thread(sniff, path)
    if content.media_type == types.ZIP:
        # Which kind of zip it is was found out when it was uploaded.
        content = replace(content, media_type=media_type, proven=content.proven and media_type != types.ZIP)
    check_claims(content, extension_of(file_name), "")


async def check_content(
    path: Path,
    size: int,
    file_name: str,
    declared_media_type: str | None,
    configuration: TenantConfiguration,
    archive_checker: ArchiveChecker,
    owner: Hashable = None,
) -> Verdict:
    """Whether the `size` bytes that were received at `path` may be kept under `file_name`, a `display_name`.

    An archive waits for its `owner`'s turn where many are looked through. Raises FileTooLarge, MediaTypeNotAllowed,
    MediaTypeMismatch, ArchiveUnsafe, in this order; Unavailable where archives cannot be checked now.
    """
    if size > configuration.max_file_size_bytes:
        raise FileTooLarge(size, configuration.max_file_size_bytes)
    content = await asyncio.to_thread(sniff, path)
    report = await archive_checker.check(path, configuration.archive, owner) if content.is_archive else None
    if report and content.media_type == types.ZIP:
        content = replace(content, media_type=report.zip_type or types.ZIP, proven=report.zip_type is not None)
    return _verdict(content, report, file_name, declared_media_type, configuration)


def check_in_memory(
    data: bytes, file_name: str, declared_media_type: str | None, configuration: TenantConfiguration
) -> Verdict | None:
    """As `check_content`, for bytes that are not an archive; None for an archive. Blocks: call it in a thread."""
    if len(data) > configuration.max_file_size_bytes:
        raise FileTooLarge(len(data), configuration.max_file_size_bytes)
    content = sniff_window(Window.of_bytes(data))
    return None if content.is_archive else _verdict(content, None, file_name, declared_media_type, configuration)


def _verdict(
    content: Content,
    report: ArchiveReport | None,
    file_name: str,
    declared_media_type: str | None,
    configuration: TenantConfiguration,
) -> Verdict:
    extension, declared = extension_of(file_name), declared_media_type or ""
    media_type = best_media_type(content, extension, declared)
    if not configuration.allows_media_type(media_type):
        raise MediaTypeNotAllowed(media_type)
    check_claims(content, extension, declared)
    if report and report.reason:
        raise ArchiveUnsafe(report.reason, report.detail)
    return Verdict(media_type, extension)
