"""The zip of parts that an office document is: read part by part, within bounds, whatever its directory promises."""

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from actors.extractors.document import ExtractionFailed
from actors.extractors.office.xml_tree import Element, children, corrupt, parse_xml

MAX_ENTRIES = 20_000
MAX_PART_BYTES = 96 * 2**20
"""Of one part unpacked: as a tree it takes about six times as much."""
MAX_TOTAL_BYTES = 256 * 2**20
"""Of all parts that are read."""
MAX_RATIO = 250
"""How many times larger a large part may become; WordprocessingML of a real document packs to a tenth or thirtieth."""
_RATIO_COUNTS_FROM = 8 * 2**20
_UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError)
"""What zipfile raises on broken files; RuntimeError for encrypted entries, of which Word knows nothing."""


@dataclass(frozen=True, slots=True)
class Relationship:
    """`kind` is the last segment of the type, which both dialects share; `target` a part's name, or outside a URL."""

    kind: str
    target: str
    external: bool


class Package:
    """Parts by name, without a leading slash. Nothing is ever unpacked to disk or fetched from outside."""

    def __init__(self, source: Path | IO[bytes]) -> None:
        """Raises ExtractionFailed `corrupt-file`."""
        try:
            self._zip = zipfile.ZipFile(source)
        except _UNREADABLE as error:
            raise corrupt() from error
        entries = self._zip.infolist()
        if len(entries) > MAX_ENTRIES:
            raise _too_large()
        # Names are compared without case (ECMA-376, part 2, 6.2.2.3); some writers use backslashes.
        self._entries = {_key(entry.filename): entry for entry in entries}
        self._read = 0

    def close(self) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._entries

    def part(self, name: str) -> bytes:
        """The bytes of a part. Raises ExtractionFailed when it is missing, damaged or too large."""
        entry = self._entries.get(_key(name))
        if entry is None:
            raise corrupt()
        if self._read > MAX_TOTAL_BYTES:
            raise _too_large()
        limit = _limit(entry)
        try:
            with self._zip.open(entry) as stream:
                data = stream.read(limit + 1)
        except _UNREADABLE as error:
            raise corrupt() from error
        self._read += len(data)
        if len(data) > limit or self._read > MAX_TOTAL_BYTES:
            raise _too_large()
        return data

    @contextmanager
    def stream(self, name: str) -> Iterator["BoundedStream"]:
        """A part to be read bit by bit, which may be as large as all that is read of a package. Raises as `part`."""
        entry = self._entries.get(_key(name))
        if entry is None:
            raise corrupt()
        limit = min(MAX_TOTAL_BYTES - self._read, max(_RATIO_COUNTS_FROM, entry.compress_size * MAX_RATIO))
        try:
            with self._zip.open(entry) as stream:
                bounded = BoundedStream(stream, limit)
                try:
                    yield bounded
                finally:
                    self._read += bounded.read_bytes
        except _UNREADABLE as error:
            raise corrupt() from error

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a part, or none of one that is missing or damaged."""
        entry = self._entries.get(_key(name))
        try:
            if entry is not None and entry.compress_type in _METHODS:
                with self._zip.open(entry) as stream:
                    return stream.read(size)
        except _UNREADABLE:
            pass
        return b""

    def xml(self, name: str) -> Element:
        return parse_xml(self.part(name))

    def relationships(self, name: str) -> dict[str, Relationship]:
        """Of a part, by id; of the package for an empty name."""
        folder, base = posixpath.split(name)
        where = posixpath.join(folder, "_rels", base + ".rels")
        if where not in self:
            return {}
        found = children(self.xml(where), "rel:Relationship")
        return {element.get("Id", ""): _relationship(element, folder) for element in found}


class BoundedStream(io.RawIOBase):
    """Raises ExtractionFailed once more than `limit` bytes come."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__()
        self._stream, self._limit = stream, limit
        self.read_bytes = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.read_bytes += len(data)
        if self.read_bytes > self._limit:
            raise _too_large()
        return data


_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


def _limit(entry: zipfile.ZipInfo) -> int:
    if entry.compress_type not in _METHODS:
        raise corrupt()
    return min(MAX_PART_BYTES, max(_RATIO_COUNTS_FROM, entry.compress_size * MAX_RATIO))


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").casefold()


def _relationship(element: Element, folder: str) -> Relationship:
    target = element.get("Target", "")
    external = element.get("TargetMode", "").casefold() == "external"
    if not external:
        path = unquote(target.partition("#")[0])
        target = posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")
    return Relationship(element.get("Type", "").rpartition("/")[2], target, external)


def _too_large() -> ExtractionFailed:
    return ExtractionFailed("corrupt-file", "parse", "The file unpacks to more than is read.")


def related_part(relationships: dict[str, Relationship], kind: str) -> str | None:
    """The name of the first part of that kind within the package."""
    return next((each.target for each in relationships.values() if each.kind == kind and not each.external), None)
