"""The walk through an archive and all that is nested in it. Nothing is ever written; memory and time are bounded.

What counts as an archive is told by content: a DOCX or a JAR inside a zip is a level of nesting like any other. A
packed tar is one archive with it: `a.tar.gz` is no tar nested in a gzip.
"""

import itertools
from collections.abc import Iterator

from storage.upload_checks.archive_budget import ArchiveBudget, WalkLimits
from storage.upload_checks.archive_kinds import HEAD_BYTES, ArchiveKind, kind_by_head
from storage.upload_checks.decompression import COMPRESSED, unpacked
from storage.upload_checks.entry_names import EntryNames, check_link_target
from storage.upload_checks.signatures import by_signature
from storage.upload_checks.tar_members import ByteStream, TarMember, tar_members
from storage.upload_checks.windows import Window
from storage.upload_checks.zip_contents import can_be_unpacked, check_layout, content, stored_window
from storage.upload_checks.zip_directory import ZipDirectory, ZipEntry, ends_as_zip, find_directory
from storage.upload_errors import ArchiveUnsafe

_LINK_MODE, _MODE_TYPE = 0o120000, 0o170000
_MAX_LINK_BYTES = 4096
# Packed content that does not begin as an archive is kept up to here, to see whether it ends as one.
_MAX_UNKNOWN_BYTES = 32 * 2**20


def look_through(window: Window, limits: WalkLimits) -> None:
    """Raises ArchiveUnsafe where the upload that is `window` passes a limit or is not what it says."""
    walk = _Walk(ArchiveBudget(limits, window.size))
    kind = kind_by_head(window.head(HEAD_BYTES))
    if kind in {ArchiveKind.TAR, ArchiveKind.COMPRESSED}:
        walk.stream(kind, window.chunks(), depth=0)
    # Also of what begins as another archive: who opens it decides which of both it is.
    if kind is ArchiveKind.ZIP or ends_as_zip(window):
        walk.zip(window, depth=0)


class _Walk:
    def __init__(self, budget: ArchiveBudget) -> None:
        self._budget = budget

    def stream(self, kind: ArchiveKind, chunks: Iterator[bytes], depth: int) -> None:
        if kind is ArchiveKind.TAR:
            # Inside of something packed its bytes were counted when they came out of there.
            self._tar(chunks, depth, counted=depth > 0)
        else:
            self._compressed(chunks, depth)

    def zip(self, window: Window, depth: int) -> None:
        """What the directory tells first, as it costs next to nothing; then the contents."""
        directory = find_directory(window)
        if directory is None:
            raise ArchiveUnsafe("corrupt", "The archive has no directory at its end.")
        entries, names = self._listed(directory)
        check_layout(directory, entries, self._budget.check_time)
        self._budget.check_declared(sum(entry.size for entry in entries))
        for entry in entries:
            if _is_link(entry):
                self._zip_link(directory, entry, names)
        names.check_links()
        for entry in entries:
            self._budget.check_time()
            self._zip_entry(directory, entry, depth)

    def _listed(self, directory: ZipDirectory) -> tuple[list[ZipEntry], EntryNames]:
        names, entries = EntryNames(may_repeat=False), []
        for entry in directory.entries():
            self._budget.count_entry()
            if entry.is_encrypted and not self._budget.limits.allow_encrypted:
                raise ArchiveUnsafe("encrypted", "The archive has encrypted entries.")
            names.add(entry.names, is_directory=entry.is_directory)
            entries.append(entry)
        return entries, names

    def _zip_link(self, directory: ZipDirectory, entry: ZipEntry, names: EntryNames) -> None:
        if not can_be_unpacked(entry) or entry.size > _MAX_LINK_BYTES:
            raise ArchiveUnsafe("traversal", "A link in the archive does not tell where it points.")
        names.add_link(entry.names, [b"".join(content(directory, entry))])

    def _zip_entry(self, directory: ZipDirectory, entry: ZipEntry, depth: int) -> None:
        if not can_be_unpacked(entry):
            self._budget.spend(entry.size)
            return
        window = stored_window(directory, entry)
        self._inside(self._counted(content(directory, entry)), depth, window)

    def _tar(self, chunks: Iterator[bytes], depth: int, *, counted: bool) -> None:
        names = EntryNames(may_repeat=True)
        for member, body in tar_members(ByteStream(chunks)):
            self._budget.count_entry()
            _check_tar_names(member, names)
            self._budget.spend(member.expanded_size - member.size)
            self._inside(body if counted else self._counted(body), depth, window=None)
        names.check_links()
        for _ in chunks:  # a checksum of what surrounds the tar is due at its end
            pass

    def _compressed(self, chunks: Iterator[bytes], depth: int) -> None:
        self._budget.count_entry()
        head, chunks = _peeked(chunks)
        engine, next_member = COMPRESSED[by_signature(head) or ""]
        inner_head, inner = _peeked(self._counted(unpacked(chunks, engine, next_member)))
        if kind_by_head(inner_head) is ArchiveKind.TAR:
            self._tar(inner, depth, counted=True)
        else:
            self._inside(inner, depth, window=None)

    def _inside(self, chunks: Iterator[bytes], depth: int, window: Window | None) -> None:
        """The content of an entry, to its end. `window`: random access to the same bytes, where there is."""
        head, chunks = _peeked(chunks)
        kind = kind_by_head(head)
        if kind is not None:
            self._budget.enter(depth + 1)
        if kind in {ArchiveKind.TAR, ArchiveKind.COMPRESSED}:
            self.stream(kind, chunks, depth + 1)
        if window is None and kind in {None, ArchiveKind.ZIP}:
            self._packed(chunks, kind, depth)
            return
        for _ in chunks:
            pass
        if window is not None:
            self._seekable(window, kind, depth)

    def _packed(self, chunks: Iterator[bytes], kind: ArchiveKind | None, depth: int) -> None:
        """Into memory what is a zip or may turn out to be one."""
        held = bytearray()
        try:
            for chunk in chunks:
                if kind is None and not self._is_worth_keeping(len(held), len(chunk)):
                    break
                self._budget.buffer(len(chunk))
                held += chunk
            else:
                self._seekable(Window.of_bytes(held), kind, depth)
            for _ in chunks:
                pass
        finally:
            self._budget.release(len(held))

    def _is_worth_keeping(self, held: int, more: int) -> bool:
        return held + more <= _MAX_UNKNOWN_BYTES and self._budget.can_buffer(more)

    def _seekable(self, window: Window, kind: ArchiveKind | None, depth: int) -> None:
        if kind is ArchiveKind.ZIP or ends_as_zip(window):
            self._budget.enter(depth + 1)
            self.zip(window, depth + 1)

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._budget.spend(len(chunk))
            yield chunk


def _peeked(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and all of them again."""
    head = b""
    while len(head) < HEAD_BYTES and (more := next(chunks, b"")):
        head += more
    return head[:HEAD_BYTES], itertools.chain([head] if head else [], chunks)


def _is_link(entry: ZipEntry) -> bool:
    return entry.unix_mode & _MODE_TYPE == _LINK_MODE


def _check_tar_names(member: TarMember, names: EntryNames) -> None:
    names.add(member.names, is_directory=member.is_directory)
    if member.is_symbolic_link:
        names.add_link(member.names, member.links)
    if member.is_hard_link:
        for link in member.links:
            check_link_target(b"", link)
