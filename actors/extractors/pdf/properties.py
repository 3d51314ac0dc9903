"""What a PDF says about itself, and the fields of its form."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pypdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from actors.extractors.assembly import clean_text
from actors.extractors.cpu_budget import OutOfBudget, cpu_budget
from actors.extractors.document import ExtractionWarning, FormField, Properties

_DATE = re.compile(
    r"D?:?(?P<year>\d{4})(?P<month>\d{2})?(?P<day>\d{2})?(?P<hour>\d{2})?(?P<minute>\d{2})?(?P<second>\d{2})?"
    r"(?P<zone>Z|(?P<sign>[+-])(?P<hours>\d{2})'?(?P<minutes>\d{2})?)?"
)
_FIELD_TYPES = {"/Tx": "text", "/Ch": "choice", "/Sig": "signature"}
_PUSH_BUTTON = 1 << 16
_RADIO = 1 << 15
"""Bits 17 and 16 of a button's flags (ISO 32000-1, table 226)."""
_FIELD_SECONDS = 10.0
_MAX_DEPTH = 32


def properties_of(document: pdfium.PdfDocument) -> Properties:
    return Properties(
        page_count=len(document),
        title=_text(document, "Title"),
        author=_text(document, "Author"),
        created=pdf_time(document.get_metadata_value("CreationDate")),
        modified=pdf_time(document.get_metadata_value("ModDate")),
        language=_language(document),
    )


def _text(document: pdfium.PdfDocument, key: str) -> str | None:
    return clean_text(document.get_metadata_value(key)).strip() or None


def _language(document: pdfium.PdfDocument) -> str | None:
    size = pdfium_c.FPDFCatalog_GetLanguage(document, None, 0)
    if size <= 2:  # noqa: PLR2004 - nothing but the two bytes that end it
        return None
    buffer = (pdfium_c.FPDF_WCHAR * (size // 2))()
    pdfium_c.FPDFCatalog_GetLanguage(document, buffer, size)
    return clean_text(bytes(buffer)[:-2].decode("utf-16-le", errors="replace")).strip() or None


def pdf_time(written: str) -> str | None:
    """RFC 3339 of a PDF date (`D:20260131120000+01'00'`); None where it is none. No zone is taken for UTC."""
    match = _DATE.match(written.strip())
    if match is None:
        return None
    part = match.groupdict()
    date = f"{part['year']}-{part['month'] or '01'}-{part['day'] or '01'}"
    time = f"{part['hour'] or '00'}:{part['minute'] or '00'}:{part['second'] or '00'}"
    zone = f"{part['sign']}{part['hours']}:{part['minutes'] or '00'}" if part["sign"] else "Z"
    try:
        datetime.fromisoformat(f"{date}T{time}{zone}")
    except ValueError:
        return None
    return f"{date}T{time}{zone}"


def form_fields_of(source: Path, password: str | None, warnings: list[ExtractionWarning]) -> list[FormField]:
    """The fields with their values; a form that cannot be read leaves a warning, not a failure."""
    try:
        with cpu_budget(_FIELD_SECONDS):
            reader = pypdf.PdfReader(source, strict=False, password=password)
            return list(_fields(reader))
    except MemoryError:
        raise
    except (OutOfBudget, Exception):  # noqa: BLE001 - pypdf raises about anything on broken files
        warnings.append(ExtractionWarning("form-unreadable", "The form's fields could not be read."))
        return []


def _fields(reader: pypdf.PdfReader) -> Iterator[FormField]:
    form = reader.root_object.get("/AcroForm")
    form = form.get_object() if form is not None else None
    if not isinstance(form, DictionaryObject):
        return
    pages = _pages_of_widgets(reader)
    for reference in _array(form.get("/Fields")):
        yield from _field(reference, _Inherited(), pages, 0)


class _Inherited:
    """What a field has from those above it."""

    def __init__(self, name: str = "", kind: str = "", value: Any = None, flags: int = 0) -> None:
        self.name, self.kind, self.value, self.flags = name, kind, value, flags

    def with_own(self, field: DictionaryObject) -> "_Inherited":
        own = {key: field[key] for key in ("/T", "/FT", "/V", "/Ff") if key in field}
        return _Inherited(
            name=".".join(part for part in (self.name, str(own.get("/T", ""))) if part),
            kind=str(own.get("/FT", self.kind)),
            value=own.get("/V", self.value),
            flags=int(str(own.get("/Ff", self.flags))),
        )


def _field(reference: Any, inherited: _Inherited, pages: dict[int, int], depth: int) -> Iterator[FormField]:
    field = reference.get_object()
    if not isinstance(field, DictionaryObject) or depth > _MAX_DEPTH:
        return
    here = inherited.with_own(field)
    kids = _array(field.get("/Kids"))
    named = [kid for kid in kids if "/T" in kid.get_object()]
    for kid in named:
        yield from _field(kid, here, pages, depth + 1)
    if named or not here.kind:
        return
    kind = _kind(here)
    if kind != "button":
        page = next((pages[each] for each in map(_number, [reference, *kids]) if each in pages), None)
        yield FormField(clean_text(here.name), kind, _value(kind, here.value), page)


def _kind(field: _Inherited) -> str:
    if field.kind != "/Btn":
        return _FIELD_TYPES.get(field.kind, "unknown")
    if field.flags & _PUSH_BUTTON:
        return "button"
    return "radio" if field.flags & _RADIO else "checkbox"


def _value(kind: str, value: Any) -> str | bool | list[str] | None:
    value = value.get_object() if value is not None else None
    if kind == "checkbox":
        return value is not None and str(value) != "/Off"
    if value is None or kind == "signature":
        return None
    if isinstance(value, ArrayObject):
        return [clean_text(str(each.get_object())) for each in value]
    if isinstance(value, DictionaryObject):
        data = getattr(value, "get_data", lambda: b"")()
        return clean_text(data.decode("utf-8", errors="replace"))
    return clean_text(str(value).removeprefix("/") if kind == "radio" else str(value))


def _pages_of_widgets(reader: pypdf.PdfReader) -> dict[int, int]:
    """Page numbers by the object numbers of the annotations on them."""
    return {
        number: page_number
        for page_number, page in enumerate(reader.pages, start=1)
        for number in map(_number, _array(page.get("/Annots")))
        if number is not None
    }


def _number(reference: Any) -> int | None:
    return reference.idnum if isinstance(reference, IndirectObject) else None


def _array(value: Any) -> list[Any]:
    value = value.get_object() if value is not None else None
    return list(value) if isinstance(value, ArrayObject) else []
