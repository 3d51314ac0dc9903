"""A zip's central directory, as PKWARE's APPNOTE 6.3.10 lays it out; section numbers are that document's.

The standard library's reader is not used: it believes what the archive says about itself, and what it says is the
question here.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from storage.upload_checks.windows import Window
from storage.upload_errors import ArchiveUnsafe

_END = struct.Struct("<4s4H2LH")  # 4.3.16
_END_64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_LOCATOR_64 = struct.Struct("<4sLQL")  # 4.3.15
_CENTRAL = struct.Struct("<4s6H3L5H2L")  # 4.3.12
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF
_MAX_COMMENT = 0xFFFF
_EXTRA_ZIP64, _EXTRA_AES, _EXTRA_UNICODE_PATH = 0x0001, 0x9901, 0x7075  # 4.5.3, WinZip, 4.6.9
_UNIX_HOSTS = {3, 19}  # 4.4.2: Unix, OS X
METHOD_AES = 99

FLAG_ENCRYPTED, FLAG_DESCRIPTOR, FLAG_STRONG, FLAG_MASKED = 1 << 0, 1 << 3, 1 << 6, 1 << 13  # 4.4.4


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One record of the directory. `offset` is the local header's in the window, whatever stands before the archive."""

    name: bytes
    names: tuple[bytes, ...]
    """With those in extra fields, which some readers prefer."""
    flags: int
    method: int
    crc: int
    packed_size: int
    size: int
    offset: int
    unix_mode: int
    """0 where the archive was not made on Unix."""

    @property
    def is_directory(self) -> bool:
        return self.name.endswith((b"/", b"\\")) and self.size == 0

    @property
    def is_encrypted(self) -> bool:
        return bool(self.flags & (FLAG_ENCRYPTED | FLAG_STRONG)) or self.method == METHOD_AES


@dataclass(frozen=True, slots=True)
class ZipDirectory:
    """Where the directory lies in its window, and how many records it should have."""

    window: Window
    start: int
    size: int
    prefix: int
    """Bytes before the archive proper: a self-extractor's program, a mail header."""
    count: int
    count_may_wrap: bool
    """Old archivers count modulo 65,536 where there are more entries."""

    def entries(self) -> Iterator[ZipEntry]:
        """Every record; raises ArchiveUnsafe (`corrupt`) where they do not fill the directory as it says."""
        seen, at, end = 0, self.start, self.start + self.size
        while at < end:
            entry, length = _record(self.window, at, self.prefix)
            yield entry
            seen, at = seen + 1, at + length
        agreed = seen % (_FULL_16 + 1) if self.count_may_wrap else seen
        if at != end or agreed != self.count:
            raise ArchiveUnsafe("corrupt", "The archive's directory is not as long as it says.")


def find_directory(window: Window) -> ZipDirectory | None:
    """The directory of the zip that ends this window, or None where there is none.

    Raises ArchiveUnsafe (`corrupt`) where its parts contradict each other.
    """
    end_at = _find_end(window)
    if end_at is None:
        return None
    _, disk, start_disk, disk_count, count, size, offset, _ = _END.unpack(window.read(end_at, _END.size))
    wide = _zip64_end(window, end_at)
    if wide is None:
        if (disk, start_disk, disk_count) != (0, 0, count):
            raise ArchiveUnsafe("corrupt", "The archive is spread over several volumes.")
        return _placed(window, end_at, (count, size, offset), count_may_wrap=True)
    record_at, *fields = wide
    _agree(zip((count, size, offset), fields, (_FULL_16, _FULL_32, _FULL_32), strict=True))
    return _placed(window, record_at, (fields[0], fields[1], fields[2]), count_may_wrap=False)


def ends_as_zip(window: Window) -> bool:
    """Whether an end record stands exactly at the end, and a directory where it says: a zip, however it begins."""
    ends = _exact_ends(window.tail(_END.size + _MAX_COMMENT))
    if len(ends) != 1:
        return bool(ends)
    try:
        return find_directory(window) is not None
    except ArchiveUnsafe:
        return False


def _find_end(window: Window) -> int | None:
    """The end record whose comment reaches the window's end; else, for archives with something behind, the last one.

    Raises ArchiveUnsafe (`corrupt`) where there are two.
    """
    tail = window.tail(_END.size + _MAX_COMMENT)
    ends = _exact_ends(tail)
    if len(ends) > 1:
        # An archive in the other's comment: readers that search from the start find another one than the rest.
        raise ArchiveUnsafe("corrupt", "The archive has two ends.")
    at = ends[0] if ends else tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - _END.size + 4))
    return None if at < 0 else window.size - len(tail) + at


def _exact_ends(tail: bytes) -> list[int]:
    """Where end records stand whose comments reach the end."""
    return [
        found.start()
        for found in re.finditer(rb"PK\x05\x06", tail)
        if found.start() + _END.size + int.from_bytes(tail[found.start() + 20 :][:2], "little") == len(tail)
    ]


def _zip64_end(window: Window, end_at: int) -> tuple[int, int, int, int] | None:
    """Where the zip64 end record stands, and its count, size and offset; None where there is no locator."""
    locator_at = end_at - _LOCATOR_64.size
    data = window.read(locator_at, _LOCATOR_64.size)
    if not data.startswith(b"PK\x06\x07"):
        return None
    record_offset = _LOCATOR_64.unpack(data)[2]
    # Something before the archive moves every offset in it: then the record is where one without extensions would be.
    for record_at in (record_offset, locator_at - _END_64.size):
        record = window.read(record_at, _END_64.size)
        if len(record) == _END_64.size and record.startswith(b"PK\x06\x06"):
            *_, disk_count, count, size, offset = _END_64.unpack(record)
            _agree([(disk_count, count, _FULL_16)])
            return record_at, count, size, offset
    raise ArchiveUnsafe("corrupt", "The archive's 64-bit end record is missing.")


def _agree(pairs: "Iterator[tuple[int, int, int]] | list[tuple[int, int, int]]") -> None:
    for narrow, wide, full in pairs:
        if narrow not in {wide, full}:
            raise ArchiveUnsafe("corrupt", "The archive's two end records contradict each other.")


def _placed(window: Window, end_at: int, fields: tuple[int, int, int], *, count_may_wrap: bool) -> ZipDirectory:
    count, size, offset = fields
    for start in (end_at - size, offset):
        is_there = count == size == 0 or window.read(start, 4) == b"PK\x01\x02"
        if offset <= start <= end_at - size and is_there:
            return ZipDirectory(window, start, size, start - offset, count, count_may_wrap)
    raise ArchiveUnsafe("corrupt", "The archive's directory is not where it says.")


def _record(window: Window, at: int, prefix: int) -> tuple[ZipEntry, int]:
    fixed = window.read(at, _CENTRAL.size)
    if len(fixed) < _CENTRAL.size or not fixed.startswith(b"PK\x01\x02"):
        raise ArchiveUnsafe("corrupt", "The archive's directory holds something else than entries.")
    (_, made_by, _, flags, method, _, _, crc, packed, size, name_length, extra_length, comment_length, *rest) = (
        _CENTRAL.unpack(fixed)
    )
    _, _, attributes, offset = rest
    variable = window.read(at + _CENTRAL.size, name_length + extra_length)
    extra = ExtraFields.parse(variable[name_length:])
    size, packed, offset = extra.widened(size, packed, offset)
    entry = ZipEntry(
        name=variable[:name_length],
        names=(variable[:name_length], *extra.names),
        flags=flags,
        method=METHOD_AES if extra.has_aes else method,
        crc=crc,
        packed_size=packed,
        size=size,
        offset=prefix + offset,
        unix_mode=attributes >> 16 if made_by >> 8 in _UNIX_HOSTS else 0,
    )
    return entry, _CENTRAL.size + name_length + extra_length + comment_length


@dataclass(frozen=True, slots=True)
class ExtraFields:
    """What of an entry's extra fields (4.5) is of interest here."""

    names: tuple[bytes, ...]
    """By the Unicode path fields, 4.6.9: a version, a checksum of the name in the header, and the name."""
    zip64: bytes
    has_aes: bool

    @classmethod
    def parse(cls, extra: bytes) -> "ExtraFields":
        """Raises ArchiveUnsafe (`corrupt`) where sizes are said twice."""
        fields = list(_extra_fields(extra))
        wide = [value for key, value in fields if key == _EXTRA_ZIP64]
        if len(wide) > 1:
            raise ArchiveUnsafe("corrupt", "An entry of the archive has two sizes.")
        return cls(
            tuple(value[5:] for key, value in fields if key == _EXTRA_UNICODE_PATH),
            b"".join(wide),
            any(key == _EXTRA_AES for key, _ in fields),
        )

    def widened(self, *narrow: int) -> list[int]:
        """4.5.3: the zip64 field holds, in this order, those of the values that are all ones in the record."""
        wide, at = [], 0
        for value in narrow:
            if value == _FULL_32 and len(self.zip64) >= at + 8:
                wide.append(int.from_bytes(self.zip64[at : at + 8], "little"))
                at += 8
            else:
                wide.append(value)
        return wide


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """4.5.1; what does not make a whole field, as the padding that aligners write, ends them."""
    at = 0
    while at + 4 <= len(extra):
        key, length = struct.unpack_from("<2H", extra, at)
        if at + 4 + length > len(extra):
            return
        yield key, extra[at + 4 : at + 4 + length]
        at += 4 + length
