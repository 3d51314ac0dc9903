"""What a zip's entries hold: local headers held against the directory, then the unpacked bytes, counted and summed."""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator

from storage.upload_checks.decompression import ZIP_METHODS, unpacked
from storage.upload_checks.windows import Window
from storage.upload_checks.zip_directory import (
    FLAG_DESCRIPTOR,
    FLAG_ENCRYPTED,
    FLAG_MASKED,
    ExtraFields,
    ZipDirectory,
    ZipEntry,
)
from storage.upload_errors import ArchiveUnsafe

_LOCAL = struct.Struct("<4s5H3L2H")  # APPNOTE 4.3.7
_STORED = 0
_AES_LOCAL_METHOD = 99


def check_layout(directory: ZipDirectory, entries: Iterable[ZipEntry], check_time: Callable[[], None]) -> None:
    """Every entry has a local header that agrees with the directory, and no two share a byte.

    Entries that overlap unpack to far more than their archive holds: raises ArchiveUnsafe (`overlap`, `corrupt`), and
    whatever `check_time` does.
    """
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        check_time()
        if entry.offset < end:
            raise ArchiveUnsafe("overlap", "Entries of the archive share bytes.")
        end = data_start(directory, entry) + entry.packed_size
        if end > directory.start:
            raise ArchiveUnsafe("overlap", "An entry of the archive reaches into its directory.")


def data_start(directory: ZipDirectory, entry: ZipEntry) -> int:
    """Where the entry's packed bytes begin. Raises ArchiveUnsafe where its local header is missing or disagrees."""
    header = directory.window.read(entry.offset, _LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise ArchiveUnsafe("corrupt", "An entry of the archive is not where the directory says.")
    _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(header)
    name_at: int = entry.offset + _LOCAL.size
    variable = directory.window.read(name_at, name_length + extra_length)
    name, extra = variable[:name_length], ExtraFields.parse(variable[name_length:])
    size, packed = extra.widened(size, packed)
    agrees = (
        (entry.flags ^ flags) & FLAG_ENCRYPTED == 0
        and method in {entry.method, _AES_LOCAL_METHOD}
        and (name == entry.name or (entry.is_encrypted and bool(flags & FLAG_MASKED)))
        and set(extra.names) <= set(entry.names)
        and (bool(flags & FLAG_DESCRIPTOR) or _numbers_agree(entry, crc, packed, size))
    )
    if not agrees:
        raise ArchiveUnsafe("corrupt", "An entry of the archive contradicts the directory.")
    return name_at + int(name_length) + int(extra_length)


def _numbers_agree(entry: ZipEntry, crc: int, packed: int, size: int) -> bool:
    """Zeros stand for values that a stream's writer did not know yet."""
    pairs = ((crc, entry.crc), (packed, entry.packed_size), (size, entry.size))
    return all(local in {0, central} for local, central in pairs)


def can_be_unpacked(entry: ZipEntry) -> bool:
    return not entry.is_encrypted and (entry.method == _STORED or entry.method in ZIP_METHODS)


def stored_window(directory: ZipDirectory, entry: ZipEntry) -> Window | None:
    """Random access to the content of an entry that is not packed."""
    if entry.is_encrypted or entry.method != _STORED:
        return None
    return directory.window.part(data_start(directory, entry), entry.packed_size)


def content(directory: ZipDirectory, entry: ZipEntry) -> Iterator[bytes]:
    """The unpacked bytes of an entry that `can_be_unpacked`.

    Raises ArchiveUnsafe (`corrupt`) as soon as there are more of them than declared, and at the end where size or
    checksum are not what they should be.
    """
    size = checksum = 0
    for chunk in _raw(directory, entry):
        size, checksum = size + len(chunk), zlib.crc32(chunk, checksum)
        if size > entry.size:
            break
        yield chunk
    if (size, checksum) != (entry.size, entry.crc):
        raise ArchiveUnsafe("corrupt", "An entry of the archive is not what the directory says.")


def unpacked_head(directory: ZipDirectory, entry: ZipEntry, size: int) -> bytes:
    """The first bytes of an entry; none where it cannot be unpacked."""
    if not can_be_unpacked(entry):
        return b""
    head = b""
    for chunk in _raw(directory, entry):
        head += chunk
        if len(head) >= size:
            break
    return head[:size]


def _raw(directory: ZipDirectory, entry: ZipEntry) -> Iterator[bytes]:
    packed = directory.window.part(data_start(directory, entry), entry.packed_size).chunks()
    return packed if entry.method == _STORED else unpacked(packed, ZIP_METHODS[entry.method])
