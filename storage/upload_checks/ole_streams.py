"""Which program an OLE compound file is of, by the names of its streams ([MS-CFB] sections 2.2 and 2.6.1)."""

import struct

from storage.upload_checks import media_type_names as types
from storage.upload_checks.windows import Window

_ENTRY_BYTES = 128
_ENTRIES_READ = 32
_MAX_SECTOR_SHIFT = 12
_STREAMS = {
    "EncryptedPackage": types.ENCRYPTED_OFFICE,
    "WordDocument": types.EXTENSIONS[".doc"],
    "Workbook": types.EXTENSIONS[".xls"],
    "Book": types.EXTENSIONS[".xls"],
    "PowerPoint Document": types.EXTENSIONS[".ppt"],
    "__properties_version1.0": types.EXTENSIONS[".msg"],
}


def ole_flavour(window: Window) -> str:
    """A media type; the general one where none of the names that are known is among the first."""
    header = window.head(512)
    if len(header) < 512:  # noqa: PLR2004  # the header is one sector of this size
        return types.OLE
    (shift,) = struct.unpack_from("<H", header, 30)
    (first_sector,) = struct.unpack_from("<I", header, 48)
    if shift > _MAX_SECTOR_SHIFT:
        return types.OLE
    names = set(_entry_names(window.read((first_sector + 1) << shift, _ENTRY_BYTES * _ENTRIES_READ)))
    return next((media_type for stream, media_type in _STREAMS.items() if stream in names), types.OLE)


def _entry_names(directory: bytes) -> list[str]:
    names = []
    for at in range(0, len(directory) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
        size = int.from_bytes(directory[at + 64 : at + 66], "little")
        names.append(directory[at : at + min(size, 64)].decode("utf-16-le", "replace").rstrip("\0"))
    return names
