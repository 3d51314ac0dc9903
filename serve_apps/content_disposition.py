"""`Content-Disposition` (RFC 6266, RFC 8187), read and written."""

import re
from urllib.parse import quote, unquote_to_bytes

PARAMETER = re.compile(r""";\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s"]*)""", re.DOTALL)
EXTENDED = re.compile(r"(?P<charset>utf-8|iso-8859-1)'[^']*'(?P<value>.*)", re.IGNORECASE | re.DOTALL)

# What RFC 8187 lets stand unquoted in a filename*.
ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"


def parameters(header: str) -> dict[str, str]:
    """Names in lower case, values unquoted; the first of equal names counts."""
    found: dict[str, str] = {}
    for name, value in PARAMETER.findall(header):
        found.setdefault(name.lower(), _unquoted(value))
    return found


def _unquoted(value: str) -> str:
    # Only what has to be escaped: browsers send a backslash as it is, and `C:\files\a.txt` has no escapes.
    return re.sub(r'\\(["\\])', r"\1", value[1:-1]) if value.startswith('"') else value


def file_name(header: str) -> str | None:
    """`filename*` where it can be read, else `filename`, else None."""
    found = parameters(header)
    extended = EXTENDED.fullmatch(found.get("filename*", ""))
    if extended:
        try:
            return unquote_to_bytes(extended["value"]).decode(extended["charset"])
        except UnicodeDecodeError:
            return found.get("filename")
    return found.get("filename")


def header_text(raw: bytes) -> str:
    """Header bytes as text: UTF-8, as most clients write it, else Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def disposition(kind: str, name: str) -> str:
    """The header for a download: an ASCII name for old clients, the real one beside it."""
    # Without percent signs, which some clients decode in it (RFC 6266, appendix D).
    fallback = re.sub(r"[^ !#$&-\[\]-~]", "_", name)
    return f"{kind}; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, safe=ATTRIBUTE_CHARACTERS)}"
