"""What an Office document says about itself."""

from datetime import datetime

from docx.opc.coreprops import CoreProperties
from docx.oxml.coreprops import CT_CoreProperties
from docx.oxml.parser import parse_xml as parse_for_python_docx

from actors.extractors.assembly import clean_text
from actors.extractors.document import Properties
from actors.extractors.office.package import Package, related_part
from actors.extractors.office.xml_tree import parse_xml

_MAX_LENGTH = 1000


def properties_of(package: Package, default_language: str | None = None) -> Properties:
    """python-docx reads them: it knows all forms of dates (W3CDTF), which differ between writers.

    The part is parsed by the hardened parser first, so python-docx never sees a document type.
    """
    part = related_part(package.relationships(""), "core-properties")
    if part is None or part not in package:
        return Properties(page_count=1, language=default_language)
    data = package.part(part)
    parse_xml(data)
    element = parse_for_python_docx(data)
    if not isinstance(element, CT_CoreProperties):
        return Properties(page_count=1, language=default_language)
    core = CoreProperties(element)
    return Properties(
        page_count=1,
        title=_text(core.title),
        author=_text(core.author),
        created=_time(core, "created"),
        modified=_time(core, "modified"),
        language=_text(core.language) or default_language,
    )


def _text(written: str | None) -> str | None:
    return clean_text(written or "").strip()[:_MAX_LENGTH] or None


def _time(core: CoreProperties, name: str) -> str | None:
    try:
        moment: datetime | None = getattr(core, name)
    except OverflowError:  # a time zone that leads out of the calendar
        return None
    return None if moment is None else moment.replace(tzinfo=None).isoformat() + "Z"
