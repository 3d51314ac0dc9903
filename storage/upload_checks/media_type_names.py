"""Media types by name: other spellings, what extensions stand for, which types belong together."""

import mimetypes
from typing import Final

OCTETS: Final = "application/octet-stream"
EMPTY: Final = "application/x-empty"
TEXT: Final = "text/plain"
PDF: Final = "application/pdf"
RTF: Final = "application/rtf"
ZIP: Final = "application/zip"
TAR: Final = "application/x-tar"
GZIP: Final = "application/gzip"
BZIP2: Final = "application/x-bzip2"
XZ: Final = "application/x-xz"
ZSTD: Final = "application/zstd"
SEVEN_ZIP: Final = "application/x-7z-compressed"
RAR: Final = "application/vnd.rar"
OLE: Final = "application/x-ole-storage"
ENCRYPTED_OFFICE: Final = "application/x-encrypted-ooxml"

_OOXML = "application/vnd.openxmlformats-officedocument."
DOCX: Final = _OOXML + "wordprocessingml.document"
XLSX: Final = _OOXML + "spreadsheetml.sheet"
PPTX: Final = _OOXML + "presentationml.presentation"
JAR: Final = "application/java-archive"
APK: Final = "application/vnd.android.package-archive"

# Declarations that say nothing about the content.
SILENT = frozenset(
    {"", OCTETS, "binary/octet-stream", "application/x-download", "application/force-download"}
    | {"application/download", "application/unknown", "application/x-www-form-urlencoded"}
)

ALIASES = {
    "application/x-pdf": PDF,
    "application/acrobat": PDF,
    "text/pdf": PDF,
    "text/rtf": RTF,
    "application/x-rtf": RTF,
    "application/x-zip": ZIP,
    "application/x-zip-compressed": ZIP,
    "application/x-gzip": GZIP,
    "application/x-gunzip": GZIP,
    "application/x-tgz": GZIP,
    "application/x-compressed-tar": GZIP,
    "application/x-gtar": TAR,
    "application/x-bzip": BZIP2,
    "application/x-zstd": ZSTD,
    "application/x-rar": RAR,
    "application/x-rar-compressed": RAR,
    "application/x-java-archive": JAR,
    "application/excel": "application/vnd.ms-excel",
    "application/x-excel": "application/vnd.ms-excel",
    "application/x-msexcel": "application/vnd.ms-excel",
    "application/vnd.msword": "application/msword",
    "application/doc": "application/msword",
    "application/mspowerpoint": "application/vnd.ms-powerpoint",
    "application/x-msdownload": "application/vnd.microsoft.portable-executable",
    "application/x-dosexec": "application/vnd.microsoft.portable-executable",
    "application/x-elf": "application/x-executable",
    "application/x-sqlite3": "application/vnd.sqlite3",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/apng": "image/png",
    "image/tif": "image/tiff",
    "image/x-tiff": "image/tiff",
    "image/x-ms-bmp": "image/bmp",
    "image/x-bmp": "image/bmp",
    "image/svg": "image/svg+xml",
    "audio/mp3": "audio/mpeg",
    "audio/wav": "audio/x-wav",
    "audio/wave": "audio/x-wav",
    "audio/vnd.wave": "audio/x-wav",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "video/x-m4v": "video/mp4",
    "text/xml": "application/xml",
    "text/json": "application/json",
    "application/csv": "text/csv",
    "application/javascript": "text/javascript",
    "application/xhtml": "application/xhtml+xml",
}

EXTENSIONS = {
    ".pdf": PDF,
    ".rtf": RTF,
    ".png": "image/png",
    ".apng": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".dib": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".avif": "image/avif",
    ".jp2": "image/jp2",
    ".psd": "image/vnd.adobe.photoshop",
    ".svg": "image/svg+xml",
    ".zip": ZIP,
    ".jar": JAR,
    ".apk": APK,
    ".docx": DOCX,
    ".docm": "application/vnd.ms-word.document.macroenabled.12",
    ".dotx": _OOXML + "wordprocessingml.template",
    ".dotm": "application/vnd.ms-word.template.macroenabled.12",
    ".xlsx": XLSX,
    ".xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
    ".xlsb": "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    ".xltx": _OOXML + "spreadsheetml.template",
    ".xltm": "application/vnd.ms-excel.template.macroenabled.12",
    ".pptx": PPTX,
    ".pptm": "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    ".potx": _OOXML + "presentationml.template",
    ".ppsx": _OOXML + "presentationml.slideshow",
    ".vsdx": "application/vnd.ms-visio.drawing",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ott": "application/vnd.oasis.opendocument.text-template",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".odg": "application/vnd.oasis.opendocument.graphics",
    ".odf": "application/vnd.oasis.opendocument.formula",
    ".epub": "application/epub+zip",
    ".doc": "application/msword",
    ".dot": "application/msword",
    ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
    ".msg": "application/vnd.ms-outlook",
    ".tar": TAR,
    ".gz": GZIP,
    ".tgz": GZIP,
    ".bz2": BZIP2,
    ".tbz2": BZIP2,
    ".xz": XZ,
    ".txz": XZ,
    ".zst": ZSTD,
    ".7z": SEVEN_ZIP,
    ".rar": RAR,
    ".exe": "application/vnd.microsoft.portable-executable",
    ".dll": "application/vnd.microsoft.portable-executable",
    ".sqlite": "application/vnd.sqlite3",
    ".parquet": "application/vnd.apache.parquet",
    ".flac": "audio/flac",
    ".wav": "audio/x-wav",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".avi": "video/x-msvideo",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/matroska",
    ".webm": "video/webm",
    ".txt": TEXT,
    ".text": TEXT,
    ".log": TEXT,
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".rst": "text/x-rst",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "application/xhtml+xml",
    ".xml": "application/xml",
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".toml": "application/toml",
    ".sql": "application/sql",
    ".ini": TEXT,
    ".py": "text/x-python",
    ".js": "text/javascript",
    ".css": "text/css",
    ".sh": "application/x-sh",
    ".tex": "application/x-tex",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt",
    ".ics": "text/calendar",
    ".vcf": "text/vcard",
    ".eml": "message/rfc822",
}

# Text under another top-level name.
_TEXTUAL = frozenset(
    {"application/json", "application/xml", "application/x-ndjson", "application/yaml", "application/toml"}
    | {"application/sql", "application/x-sh", "application/x-tex", "application/x-subrip", "message/rfc822"}
    | {"application/x-shellscript", RTF}
)

# Types of which every file begins with a signature that is known here: without it, it is something else.
SIGNED = frozenset(
    EXTENSIONS[extension]
    for extension in (
        *(".pdf", ".png", ".jpg", ".gif", ".webp", ".bmp", ".tif", ".heic", ".heif", ".avif"),
        *(".zip", ".jar", ".apk", ".docx", ".docm", ".dotx", ".dotm", ".xlsx", ".xlsm", ".xlsb", ".xltx", ".xltm"),
        *(".pptx", ".pptm", ".potx", ".ppsx", ".vsdx", ".odt", ".ott", ".ods", ".odp", ".odg", ".odf", ".epub"),
        *(".gz", ".bz2", ".xz", ".7z", ".rar", ".exe"),
    )
)
KNOWN = frozenset(EXTENSIONS.values())

_OLD_OFFICE = frozenset(EXTENSIONS[extension] for extension in (".doc", ".xls", ".ppt", ".msg"))
_NEW_OFFICE = frozenset(
    EXTENSIONS[extension]
    for extension in (
        *(".docx", ".docm", ".dotx", ".dotm", ".xlsx", ".xlsm", ".xlsb", ".xltx", ".xltm"),
        *(".pptx", ".pptm", ".potx", ".ppsx"),
    )
)
# Each type of a group may carry the name of another: the formats differ in a brand or a template flag only.
_GROUPS = (
    _OLD_OFFICE | {OLE},
    _NEW_OFFICE & {DOCX, EXTENSIONS[".dotx"]},
    _NEW_OFFICE & {XLSX, EXTENSIONS[".xltx"]},
    _NEW_OFFICE & {PPTX, EXTENSIONS[".potx"], EXTENSIONS[".ppsx"]},
    frozenset({EXTENSIONS[".docm"], EXTENSIONS[".dotm"]}),
    frozenset({EXTENSIONS[".xlsm"], EXTENSIONS[".xltm"]}),
    frozenset({"image/heic", "image/heif", "image/avif"}),
    frozenset({"video/mp4", "audio/mp4", "video/quicktime", "video/3gpp"}),
    frozenset({"video/matroska", "video/webm", "video/x-matroska", "audio/webm"}),
    frozenset({"audio/ogg", "video/ogg", "application/ogg"}),
    # `.tar.gz` is declared as either; which one the content is decides.
    frozenset({TAR, GZIP}),
    frozenset({TAR, BZIP2}),
    frozenset({TAR, XZ}),
)
_ZIP_BASED = (
    _NEW_OFFICE
    | {EXTENSIONS[extension] for extension in (".odt", ".ott", ".ods", ".odp", ".odg", ".odf", ".epub", ".vsdx")}
    | {JAR, APK}
)
_BUILT_IN = mimetypes.MimeTypes()


def canonical(media_type: str) -> str:
    """Lower case, without parameters, by its registered or most used name."""
    bare = media_type.partition(";")[0].strip().lower()
    return ALIASES.get(bare, bare)


def of_extension(extension: str) -> str | None:
    """What an extension stands for; None where nobody says."""
    known = EXTENSIONS.get(extension)
    return known or _BUILT_IN.types_map[True].get(extension)


def is_textual(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type in _TEXTUAL or media_type.endswith(("+xml", "+json"))


def may_be_called(content: str, claimed: str) -> bool:
    """Whether content of one type may go under the name of another."""
    if content == claimed or (is_textual(content) and is_textual(claimed)):
        return True
    if any({content, claimed} <= group for group in _GROUPS):
        return True
    return claimed in _WIDER.get(content, ()) or (is_textual(content) and claimed in _EXPORTS)


# Every DOCX is a zip; no plain zip is a DOCX. But jars and packages need no entry that tells them apart.
_WIDER: dict[str, frozenset[str]] = {
    **{media_type: frozenset({ZIP}) for media_type in _ZIP_BASED},
    ZIP: frozenset({JAR, APK}),
    JAR: frozenset({ZIP, APK}),
    APK: frozenset({ZIP, JAR}),
    ENCRYPTED_OFFICE: _NEW_OFFICE,
}
# Web applications have always 'exported to Excel' and 'to Word' by naming HTML, CSV or RTF so, and browsers on Windows
# declare CSV as Excel's.
_EXPORTS = frozenset({"application/msword", "application/vnd.ms-excel"})
