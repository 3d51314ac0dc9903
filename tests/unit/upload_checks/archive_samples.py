"""Archives made by hand, so that every field of them can lie."""

import io
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field

from storage.tenant_configuration import ArchiveLimits
from storage.upload_checks.archive_budget import WalkLimits
from storage.upload_checks.archives import look_through
from storage.upload_checks.windows import Window
from storage.upload_errors import ArchiveUnsafe

STORED, DEFLATED = 0, 8
UNIX = 3 << 8
LINK_ATTRIBUTES = 0o120777 << 16


@dataclass
class Part:
    """One entry; what is None follows from the content."""

    name: bytes
    content: bytes = b""
    method: int = STORED
    flags: int = 0
    packed: bytes | None = None
    size: int | None = None
    crc: int | None = None
    offset: int | None = None
    """Of the local header, as the directory gives it; a part with one writes no bytes of its own."""
    local_name: bytes | None = None
    local_flags: int | None = None
    local_method: int | None = None
    local_size: int | None = None
    made_by: int = UNIX
    attributes: int = 0
    extra: bytes = b""
    local_extra: bytes = b""
    packed_size: int | None = None
    gap: bytes = b""
    """Bytes after the packed ones: a data descriptor."""
    numbers: tuple[int, int, int] = field(init=False)

    def __post_init__(self) -> None:
        if self.packed is None:
            self.packed = deflated(self.content) if self.method == DEFLATED else self.content
        self.numbers = (
            zlib.crc32(self.content) if self.crc is None else self.crc,
            len(self.packed) if self.packed_size is None else self.packed_size,
            len(self.content) if self.size is None else self.size,
        )

    def local(self) -> bytes:
        assert self.packed is not None
        name = self.name if self.local_name is None else self.local_name
        flags = self.flags if self.local_flags is None else self.local_flags
        method = self.method if self.local_method is None else self.local_method
        crc, packed, size = self.numbers
        size = size if self.local_size is None else self.local_size
        if flags & 8:
            crc = packed = size = 0
        head = struct.pack(
            "<4s5H3L2H", b"PK\x03\x04", 20, flags, method, 0, 0, crc, packed, size, len(name), len(self.local_extra)
        )
        return head + name + self.local_extra + self.packed + self.gap

    def central(self, offset: int) -> bytes:
        fixed = struct.pack(
            "<4s6H3L5H2L",
            b"PK\x01\x02",
            self.made_by,
            20,
            self.flags,
            self.method,
            0,
            0,
            *self.numbers,
            len(self.name),
            len(self.extra),
            0,
            0,
            0,
            self.attributes,
            offset,
        )
        return fixed + self.name + self.extra


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def raw_zip(
    *parts: Part,
    prefix: bytes = b"",
    comment: bytes = b"",
    count: int | None = None,
    disk: int = 0,
    before_directory: bytes = b"",
    after_directory: bytes = b"",
    offset_shift: int = 0,
    zip64: bool = False,
) -> bytes:
    body, directory = bytearray(), bytearray()
    for part in parts:
        if part.offset is None:
            directory += part.central(len(body))
            body += part.local()
        else:
            directory += part.central(part.offset)
    body += before_directory
    number = len(parts) if count is None else count
    offset = len(body) + offset_shift
    end = wide = b""
    if zip64:
        sizes = (number, number, len(directory), offset)
        wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, *sizes)
        wide += struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + len(directory), 1)
        fields = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    else:
        fields = (number, number, len(directory), offset)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", disk, disk, *fields, len(comment))
    return prefix + bytes(body) + bytes(directory) + after_directory + wide + end + comment


def zip_of(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return held.getvalue()


def nested_zip(levels: int) -> bytes:
    """A zip with `levels` zips inside one another."""
    content = zip_of({"deep.txt": b"the end"})
    for level in range(levels):
        content = zip_of({f"level{level}.zip": content})
    return content


def tar_of(entries: dict[str, bytes], mode: str = "w", tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=mode, format=tar_format) as archive:  # type: ignore[call-overload]
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return held.getvalue()


def tar_with(*members: tarfile.TarInfo) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return held.getvalue()


def limits(**changed: float) -> WalkLimits:
    return WalkLimits(**{**ArchiveLimits().model_dump(), "max_seconds": 60.0, **changed})


def refusal(archive: bytes, **changed: float) -> str | None:
    """The reason for which an archive is refused."""
    try:
        look_through(Window.of_bytes(archive), limits(**changed))
    except ArchiveUnsafe as unsafe:
        return unsafe.reason
    return None


def docx(main: str = "wordprocessingml.document.main+xml", folder: str = "word") -> bytes:
    """As little of an OOXML package as tells what it is."""
    part = f'<Override ContentType="application/vnd.openxmlformats-officedocument.{main}"/>'
    return zip_of({"[Content_Types].xml": f"<Types>{part}</Types>".encode(), f"{folder}/document.xml": b"<w/>"})
