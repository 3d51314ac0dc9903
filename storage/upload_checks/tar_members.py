"""Members of a tar stream: ustar, GNU and pax headers, as POSIX.1-2017 (pax) and the GNU tar manual describe them."""

from collections.abc import Iterator
from dataclasses import dataclass

from storage.upload_checks.signatures import OCTAL, TAR_BLOCK, tar_checksum_holds
from storage.upload_errors import ArchiveUnsafe

_MAX_HEADER_DATA = 2**20
_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL, _PAX_SOLARIS, _GNU_SPARSE = b"L", b"K", b"x", b"g", b"X", b"S"
_SYMBOLIC, _HARD, _FOLDER = b"2", b"1", b"5"
_ABOUT_THE_NEXT = {_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL, _PAX_SOLARIS}
_BASE_256 = 0x80
# Members that have a size in their header but no bytes behind it.
_WITHOUT_DATA = {_SYMBOLIC, _HARD, _FOLDER, b"3", b"4", b"6"}


@dataclass(frozen=True, slots=True)
class TarMember:
    names: tuple[bytes, ...]
    """The header's, and those of headers before it. Readers take the last that they understand."""
    kind: bytes
    links: tuple[bytes, ...]
    """Likewise."""
    size: int
    """Bytes that follow in the stream."""
    expanded_size: int
    """Bytes that it unpacks to: more than `size` for sparse files."""

    @property
    def is_directory(self) -> bool:
        return self.kind == _FOLDER or self.names[-1].endswith(b"/")

    @property
    def is_symbolic_link(self) -> bool:
        return self.kind == _SYMBOLIC

    @property
    def is_hard_link(self) -> bool:
        return self.kind == _HARD


class ByteStream:
    """Exact reads from chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._chunk, self._at = chunks, b"", 0
        self.position = 0

    def read(self, size: int) -> bytes:
        """`size` bytes, or fewer at the end."""
        return b"".join(self.take(size))

    def take(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if self._at == len(self._chunk):
                self._chunk, self._at = next(self._chunks, b""), 0
                if not self._chunk:
                    return
            piece = self._chunk[self._at : self._at + size]
            self._at += len(piece)
            self.position += len(piece)
            size -= len(piece)
            yield piece


def tar_members(stream: ByteStream) -> Iterator[tuple[TarMember, Iterator[bytes]]]:
    """Each member with its bytes; what the caller leaves of them is skipped. Raises ArchiveUnsafe (`corrupt`)."""
    said: dict[bytes, bytes] = {}
    while (block := stream.read(TAR_BLOCK)).strip(b"\0"):
        kind, size = block[156:157], _header_size(block)
        if kind in _ABOUT_THE_NEXT:
            said = _joined(said, _said(kind, _header_data(stream, size)))
            continue
        member, said = _member(block, kind, size, said), {}
        if kind == _GNU_SPARSE:
            _skip_sparse_map(stream, block[482:483])
        end = stream.position + member.size
        yield member, stream.take(member.size)
        _skip_to(stream, end)


def _skip_to(stream: ByteStream, end: int) -> None:
    for _ in stream.take(end - stream.position):
        pass
    if stream.position < end:
        raise ArchiveUnsafe("corrupt", "The tar archive ends within a member.")
    # Headers are whole blocks, so that the padding after a member is what its end lacks of one.
    stream.read(-end % TAR_BLOCK)


def _header_size(block: bytes) -> int:
    if not tar_checksum_holds(block):
        raise ArchiveUnsafe("corrupt", "A header in the tar archive is damaged.")
    return _number(block[124:136])


def _number(field: bytes) -> int:
    """Octal digits, or base 256 where the first bit is set."""
    if field[0] == _BASE_256:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0") or b"0"
    if not OCTAL.fullmatch(digits):
        raise ArchiveUnsafe("corrupt", "A number in the tar archive is damaged.")
    return int(digits, 8)


def _header_data(stream: ByteStream, size: int) -> bytes:
    if size > _MAX_HEADER_DATA:
        raise ArchiveUnsafe("corrupt", "A header in the tar archive is too long.")
    data = stream.read(size)
    stream.read(-size % TAR_BLOCK)
    return data


def _said(kind: bytes, data: bytes) -> dict[bytes, bytes]:
    """What a header says about the member that follows, by pax keyword."""
    if kind in {_LONG_NAME, _LONG_LINK}:
        return {b"path" if kind == _LONG_NAME else b"linkpath": data.rstrip(b"\0")}
    records = dict(_pax_records(data))
    if kind != _PAX_GLOBAL:
        return records
    # For the whole archive: readers disagree about names and sizes there, so that none is taken.
    if records.keys() & {b"path", b"linkpath", b"size"}:
        raise ArchiveUnsafe("corrupt", "The tar archive gives all its members one name.")
    return {}


def _joined(said: dict[bytes, bytes], more: dict[bytes, bytes]) -> dict[bytes, bytes]:
    if said.keys() & more.keys():
        raise ArchiveUnsafe("corrupt", "Two headers in the tar archive are about the same.")
    return said | more


def _pax_records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """`LENGTH KEYWORD=VALUE` and a newline, the length counting all of it."""
    at = 0
    while at < len(data):
        digits = data[at : at + 8].partition(b" ")[0]
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0  # noqa: PLR2004
        record = data[at : at + length]
        keyword, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if not equals or len(record) < length or not record.endswith(b"\n"):
            raise ArchiveUnsafe("corrupt", "A pax header in the tar archive is damaged.")
        yield keyword, value
        at += length


def _member(block: bytes, kind: bytes, size: int, said: dict[bytes, bytes]) -> TarMember:
    size = 0 if kind in _WITHOUT_DATA else _decimal(said.get(b"size"), size)
    expanded = _number(block[483:495]) if kind == _GNU_SPARSE else size
    for keyword in (b"GNU.sparse.size", b"GNU.sparse.realsize"):
        expanded = _decimal(said.get(keyword), expanded)
    return TarMember(
        names=(_ustar_name(block), *_values(said, b"path", b"GNU.sparse.name")),
        kind=kind,
        links=(_text(block[157:257]), *_values(said, b"linkpath")),
        size=size,
        expanded_size=max(size, expanded),
    )


def _values(said: dict[bytes, bytes], *keywords: bytes) -> Iterator[bytes]:
    return filter(None, map(said.get, keywords))


def _decimal(value: bytes | None, otherwise: int) -> int:
    if value is None:
        return otherwise
    if not value.isdigit() or len(value) > 19:  # noqa: PLR2004  # 64 bits
        raise ArchiveUnsafe("corrupt", "A pax header in the tar archive is damaged.")
    return int(value)


def _ustar_name(block: bytes) -> bytes:
    """POSIX ustar continues the name in a prefix; GNU has other things there."""
    name, prefix = _text(block[:100]), _text(block[345:500])
    return prefix + b"/" + name if prefix and block[257:263] == b"ustar\0" else name


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _skip_sparse_map(stream: ByteStream, continues: bytes) -> None:
    while continues.strip(b"\0"):
        continues = stream.read(TAR_BLOCK)[504:505]
