"""Which of the formats that are zips a zip is, by what its entries are called."""

import itertools

from storage.upload_checks import media_type_names as types
from storage.upload_checks.zip_contents import unpacked_head
from storage.upload_checks.zip_directory import ZipDirectory, ZipEntry

_LOOKED_AT = 2000
_CONTENT_TYPES_BYTES = 256 * 1024
# Content types of the main part, ECMA-376 part 1 annex A and [MS-OFFMACRO2]; macros first: they are what is asked for.
_MAIN_PARTS = (
    (b"ms-word.document.macroEnabled.main+xml", ".docm"),
    (b"ms-word.template.macroEnabledTemplate.main+xml", ".dotm"),
    (b"ms-excel.sheet.macroEnabled.main+xml", ".xlsm"),
    (b"ms-excel.template.macroEnabled.main+xml", ".xltm"),
    (b"ms-excel.sheet.binary.macroEnabled.main", ".xlsb"),
    (b"ms-powerpoint.presentation.macroEnabled.main+xml", ".pptm"),
    (b"wordprocessingml.document.main+xml", ".docx"),
    (b"wordprocessingml.template.main+xml", ".dotx"),
    (b"spreadsheetml.sheet.main+xml", ".xlsx"),
    (b"spreadsheetml.template.main+xml", ".xltx"),
    (b"presentationml.presentation.main+xml", ".pptx"),
    (b"presentationml.slideshow.main+xml", ".ppsx"),
    (b"presentationml.template.main+xml", ".potx"),
    (b"ms-visio.drawing.main+xml", ".vsdx"),
)
_FOLDERS = ((b"word/", ".docx"), (b"xl/", ".xlsx"), (b"ppt/", ".pptx"), (b"visio/", ".vsdx"))
# What the entry `mimetype` may say: OpenDocument 1.3 part 2 section 3.3, EPUB OCF section 4.3.
_BY_MIMETYPE_ENTRY = ("application/vnd.oasis.opendocument.", "application/epub+zip")


def zip_flavour(directory: ZipDirectory) -> str:
    """A media type; `application/zip` for those that are nothing more. Raises ArchiveUnsafe where it cannot be read."""
    entries = {_plain(entry.name): entry for entry in itertools.islice(directory.entries(), _LOOKED_AT)}
    return (
        _by_mimetype_entry(directory, entries)
        or _by_content_types(directory, entries)
        or _by_manifest(entries)
        or types.ZIP
    )


def _plain(name: bytes) -> bytes:
    return name.replace(b"\\", b"/").lstrip(b"/")


def _by_mimetype_entry(directory: ZipDirectory, entries: dict[bytes, ZipEntry]) -> str | None:
    entry = entries.get(b"mimetype")
    if entry is None:
        return None
    said = unpacked_head(directory, entry, 128).decode("ascii", "replace").strip()
    return said if said.startswith(_BY_MIMETYPE_ENTRY) else None


def _by_content_types(directory: ZipDirectory, entries: dict[bytes, ZipEntry]) -> str | None:
    """The main part's content type; without one that is known, the folder that parts lie in."""
    listed = entries.get(b"[Content_Types].xml")
    if listed is not None:
        content = unpacked_head(directory, listed, _CONTENT_TYPES_BYTES)
        for main_part, extension in _MAIN_PARTS:
            if main_part in content:
                return types.EXTENSIONS[extension]
    for folder, extension in _FOLDERS:
        if (listed is not None and _any_in(folder, entries)) or folder + b"document.xml" in entries:
            return types.EXTENSIONS[extension]
    return None


def _any_in(folder: bytes, entries: dict[bytes, ZipEntry]) -> bool:
    return any(name.startswith(folder) for name in entries)


def _by_manifest(entries: dict[bytes, ZipEntry]) -> str | None:
    if b"AndroidManifest.xml" in entries:
        return types.APK
    return types.JAR if b"META-INF/MANIFEST.MF" in entries else None
