"""What a book's package document says: its chapters in reading order, and what it is (EPUB 3.3, sections 5 and 9)."""

import posixpath
from dataclasses import dataclass
from urllib.parse import unquote

from actors.extractors.document import Properties
from actors.extractors.office.package import Package
from actors.extractors.office.xml_tree import Element, child, children, corrupt, descendants
from actors.extractors.said_about_itself import said_text, said_time

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the package; `part` is None where the spine names something that is not in the book."""

    part: str | None
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    chapters: tuple[Chapter, ...]
    properties: Properties
    encrypted: frozenset[str]
    """Parts that only some shop's reader opens."""


def read_book(package: Package) -> Book:
    """Raises ExtractionFailed `corrupt-file`."""
    rootfile = next(descendants(package.xml(_CONTAINER), "ocf:rootfile"), None)
    path = rootfile.get("full-path", "") if rootfile is not None else ""
    root = package.xml(path)
    chapters = tuple(_chapters(root, posixpath.dirname(path)))
    if not chapters:
        raise corrupt()
    return Book(chapters, _properties(root), _encrypted(package))


def _chapters(root: Element, folder: str) -> list[Chapter]:
    items = {item.get("id"): item for item in children(child(root, "opf:manifest"), "opf:item")}
    listed = (items.get(reference.get("idref")) for reference in children(child(root, "opf:spine"), "opf:itemref"))
    return [
        Chapter(None) if item is None else Chapter(part_at(item.get("href", ""), folder), item.get("media-type", ""))
        for item in listed
    ]


def part_at(reference: str, folder: str) -> str:
    """The part that a relative address names from within a folder."""
    path = unquote(reference.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")


def _properties(root: Element) -> Properties:
    metadata = child(root, "opf:metadata")
    said = {name: child(metadata, f"dc:{name}") for name in ("title", "creator", "language", "date")}
    texts = {name: None if element is None else element.text for name, element in said.items()}
    changed = (meta for meta in children(metadata, "opf:meta") if meta.get("property") == "dcterms:modified")
    modified = next(changed, None)
    return Properties(
        title=said_text(texts["title"]),
        author=said_text(texts["creator"]),
        language=said_text(texts["language"]),
        created=said_time(texts["date"]),
        modified=None if modified is None else said_time(modified.text),
    )


def _encrypted(package: Package) -> frozenset[str]:
    if _ENCRYPTION not in package:
        return frozenset()
    references = descendants(package.xml(_ENCRYPTION), "enc:CipherReference")
    return frozenset(part_at(reference.get("URI", ""), "") for reference in references)
