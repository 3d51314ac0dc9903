"""Reading the XML of office formats: no entities, no network, and one set of names for both dialects of OOXML."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol

from lxml import etree

from actors.extractors.document import ExtractionFailed

Element = etree._Element  # noqa: SLF001 - lxml has no public name for what its parsers return

_OFFICE = "http://schemas.openxmlformats.org/"
_STRICT = "http://purl.oclc.org/ooxml/"
# Transitional (ECMA-376, part 4) and Strict (part 1) names of each namespace.
_NAMESPACES = {
    "w": (_OFFICE + "wordprocessingml/2006/main", _STRICT + "wordprocessingml/main"),
    "p": (_OFFICE + "presentationml/2006/main", _STRICT + "presentationml/main"),
    "x": (_OFFICE + "spreadsheetml/2006/main", _STRICT + "spreadsheetml/main"),
    "r": (_OFFICE + "officeDocument/2006/relationships", _STRICT + "officeDocument/relationships"),
    "m": (_OFFICE + "officeDocument/2006/math", _STRICT + "officeDocument/math"),
    "a": (_OFFICE + "drawingml/2006/main", _STRICT + "drawingml/main"),
    "wp": (_OFFICE + "drawingml/2006/wordprocessingDrawing", _STRICT + "drawingml/wordprocessingDrawing"),
    "dgm": (_OFFICE + "drawingml/2006/diagram", _STRICT + "drawingml/diagram"),
    "c": (_OFFICE + "drawingml/2006/chart", _STRICT + "drawingml/chart"),
    "mc": (_OFFICE + "markup-compatibility/2006",),
    "v": ("urn:schemas-microsoft-com:vml",),
    "w14": ("http://schemas.microsoft.com/office/word/2010/wordml",),
    **{
        prefix: (f"urn:oasis:names:tc:opendocument:xmlns:{name}",)
        for prefix, name in (
            *(("office", "office:1.0"), ("text", "text:1.0"), ("table", "table:1.0"), ("style", "style:1.0")),
            *(("draw", "drawing:1.0"), ("fo", "xsl-fo-compatible:1.0"), ("svg", "svg-compatible:1.0")),
            *(("meta", "meta:1.0"), ("presentation", "presentation:1.0"), ("manifest", "manifest:1.0")),
        )
    },
    "loext": ("urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0",),
    "xlink": ("http://www.w3.org/1999/xlink",),
    "opf": ("http://www.idpf.org/2007/opf",),
    "ocf": ("urn:oasis:names:tc:opendocument:xmlns:container",),
    "enc": ("http://www.w3.org/2001/04/xmlenc#",),
    "dc": ("http://purl.org/dc/elements/1.1/",),
    "rel": (_OFFICE + "package/2006/relationships",),
    "ct": (_OFFICE + "package/2006/content-types",),
}
_PREFIXES = {namespace: prefix for prefix, namespaces in _NAMESPACES.items() for namespace in namespaces}
_OFF = frozenset({"0", "false", "off"})


# `huge_tree` off bounds depth (256), text (10 MB) and the growth of entities in attributes.
_HARDENED: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


def parse_xml(data: bytes) -> Element:
    """The root element. Raises ExtractionFailed for what is no XML, and for any that has a document type.

    Office Open XML forbids document types (ECMA-376, part 2, 9.1.3), and entities cannot do harm without one.
    """
    try:
        root = etree.fromstring(data, etree.XMLParser(**_HARDENED))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise corrupt() from error
    _refuse_document_type(root)
    return root


class SupportsRead(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def elements_in(stream: SupportsRead, *names: str) -> Iterator[Element]:
    """The elements of those names as they end, without the whole tree in memory: each is emptied after its turn.

    Raises ExtractionFailed as `parse_xml` does, when it gets there.
    """
    tags = [tag for name in names for tag in qualified(name)]
    try:
        for _, element in etree.iterparse(stream, tag=tags, **_HARDENED):
            _refuse_document_type(element)
            yield element
            element.clear()
            while element.getprevious() is not None:
                element.getparent().remove(element.getprevious())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise corrupt() from error


def _refuse_document_type(element: Element) -> None:
    if element.getroottree().docinfo.doctype:  # type: ignore[attr-defined]  # not in its stubs
        raise corrupt()


def corrupt() -> ExtractionFailed:
    return ExtractionFailed("corrupt-file", "parse", "The file is damaged, or no document of its kind.")


def name_of(element: Element) -> str:
    """`w:p` for the tag of a paragraph in either dialect; empty for namespaces that mean nothing here."""
    return _name(element.tag) if isinstance(element.tag, str) else ""


@lru_cache(maxsize=4096)
def _name(tag: str) -> str:
    namespace, _, local = tag[1:].partition("}")
    prefix = _PREFIXES.get(namespace)
    return f"{prefix}:{local}" if prefix else ""


def attribute(element: Element | None, name: str) -> str | None:
    if element is None:
        return None
    for tag in qualified(name):
        value = element.get(tag)
        if value is not None:
            return str(value)
    return None


@lru_cache(maxsize=1024)
def qualified(name: str) -> tuple[str, ...]:
    prefix, _, local = name.partition(":")
    return tuple(f"{{{namespace}}}{local}" for namespace in _NAMESPACES[prefix])


def children(element: Element | None, name: str) -> Iterator[Element]:
    if element is not None:
        yield from (each for each in element if name_of(each) == name)


def child(element: Element | None, *path: str) -> Element | None:
    """The first child of that name, and so on down the path."""
    for name in path:
        element = next(children(element, name), None)
    return element


def value_at(element: Element | None, *path: str) -> str | None:
    """`w:val` of the element at the end of the path."""
    return attribute(child(element, *path), "w:val")


def number_at(element: Element | None, *path: str) -> int | None:
    return whole_number(value_at(element, *path))


def whole_number(value: str | None) -> int | None:
    """Only what fits 32 bits, as the format says."""
    digits = (value or "").strip()
    if not digits.lstrip("-").isdecimal() or len(digits) > 10:  # noqa: PLR2004
        return None
    return int(digits) if digits.count("-") <= 1 else None


def is_on(element: Element | None, *path: str) -> bool:
    """A toggle is on when it is there, unless it says otherwise."""
    found = child(element, *path)
    return found is not None and (attribute(found, "w:val") or "1") not in _OFF


def descendants(element: Element | None, *names: str) -> Iterator[Element]:
    """In the order of the document, the element itself among them."""
    if element is not None:
        yield from element.iter(*(tag for name in names for tag in qualified(name)))
