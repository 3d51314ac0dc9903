"""Media types by the bytes that files of them begin with. Own table: puremagic's guesses by two bytes are no proof."""

import re
import struct

from storage.upload_checks import media_type_names as types

# The specifications' own magic numbers, with what always follows them where they alone could begin a text.
_FIXED = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"8BPS\0", "image/vnd.adobe.photoshop"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"%PDF-", types.PDF),
    (b"{\\rtf", types.RTF),
    (b"7z\xbc\xaf\x27\x1c", types.SEVEN_ZIP),
    (b"Rar!\x1a\x07", types.RAR),
    (b"\xfd7zXZ\0", types.XZ),
    (b"\x28\xb5\x2f\xfd", types.ZSTD),
    (b"\x7fELF", "application/x-executable"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\0asm", "application/wasm"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"PAR1\x15", "application/vnd.apache.parquet"),
    (b"fLaC\0", "audio/flac"),
    (b"fLaC\x80", "audio/flac"),
    (b"OggS\0", "audio/ogg"),
    (b"ID3\x02", "audio/mpeg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"\x1a\x45\xdf\xa3", "video/matroska"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", types.OLE),
    (b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
    (b"\x04\x22\x4d\x18", "application/x-lz4"),
    (b"PK\x03\x04", types.ZIP),
    (b"PK\x05\x06", types.ZIP),
    (b"PK\x07\x08PK\x03\x04", types.ZIP),
    (b"PK00PK\x03\x04", types.ZIP),
)
_MAGICS = tuple(magic for magic, _ in _FIXED)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/x-wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "image/heic"),
    **dict.fromkeys((b"mif1", b"msf1"), "image/heif"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"crx ": "image/x-canon-cr3",
}
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
OCTAL = re.compile(rb"[0-7]+")
TAR_BLOCK = 512
PE_OFFSET_AT = 0x3C


def by_signature(head: bytes) -> str | None:
    """The type that `head` (at least 512 bytes, or the whole file) proves; None where no signature is known."""
    # All of them at once: most files have none.
    if head.startswith(_MAGICS):
        return next(media_type for magic, media_type in _FIXED if head.startswith(magic))
    for recognise in (_riff, _iso_media, _gzip, _bzip2, _bitmap, _windows_program, _universal_program, _tar):
        found = recognise(head)
        if found:
            return found
    return None


def _riff(head: bytes) -> str | None:
    return _RIFF.get(head[8:12]) if head.startswith(b"RIFF") else None


def _iso_media(head: bytes) -> str | None:
    """ISO/IEC 14496-12: a box `ftyp` with a major brand, a version and compatible brands."""
    if head[4:8] != b"ftyp":
        return None
    brands = [head[at : at + 4] for at in range(16, min(int.from_bytes(head[:4], "big"), 256), 4)]
    if head[8:12] in {b"mif1", b"msf1"}:
        # The general brands say only that it is an image; what kind is among the compatible ones.
        return next((_BRANDS[brand] for brand in brands if brand in {b"avif", b"heic"}), "image/heif")
    if head[8:11] == b"3gp":
        return "video/3gpp"
    return _BRANDS.get(head[8:12], "video/mp4")


def _gzip(head: bytes) -> str | None:
    """RFC 1952: method 8 and no reserved flag."""
    return types.GZIP if head.startswith(b"\x1f\x8b\x08") and not head[3:4] >= b"\x20" else None


def _bzip2(head: bytes) -> str | None:
    return types.BZIP2 if _BZIP2.match(head) else None


def _bitmap(head: bytes) -> str | None:
    """`BM` alone begins many a text: the size of the second header has to be one that exists."""
    known_sizes = {12, 40, 52, 56, 64, 108, 124}
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in known_sizes:
        return "image/bmp"
    return None


def _windows_program(head: bytes) -> str | None:
    if not head.startswith(b"MZ") or len(head) < PE_OFFSET_AT + 4:
        return None
    (at,) = struct.unpack_from("<I", head, PE_OFFSET_AT)
    is_portable_executable = head[at : at + 4] == b"PE\0\0"
    return "application/vnd.microsoft.portable-executable" if is_portable_executable else None


def _universal_program(head: bytes) -> str | None:
    """Java classes and universal Mach-O share a magic number: no class file has a version below 45."""
    if not head.startswith(b"\xca\xfe\xba\xbe"):
        return None
    number = int.from_bytes(head[4:8], "big")
    return "application/x-mach-binary" if number < 45 else "application/java-vm"  # noqa: PLR2004


def _tar(head: bytes) -> str | None:
    return types.TAR if tar_checksum_holds(head[:TAR_BLOCK]) else None


def tar_checksum_holds(block: bytes) -> bool:
    """Every tar dialect sums a header's bytes, its checksum field taken as spaces; it is signed in some old ones."""
    if len(block) < TAR_BLOCK or not block[0]:
        return False
    field = block[148:156].strip(b" \0")
    if not OCTAL.fullmatch(field):
        return False
    summed = block[:148] + b" " * 8 + block[156:]
    signed = sum(struct.unpack("512b", summed))
    return int(field, 8) in {sum(summed), signed}
