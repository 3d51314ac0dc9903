"""What an OpenDocument file says about itself (part 3, 4.3)."""

from actors.extractors.document import Properties
from actors.extractors.office.package import Package
from actors.extractors.office.xml_tree import child
from actors.extractors.said_about_itself import said_text, said_time

_PART = "meta.xml"


def properties_of(package: Package, default_language: str | None) -> Properties:
    root = package.xml(_PART) if _PART in package else None
    meta = child(root, "office:meta")

    def said(name: str) -> str | None:
        found = child(meta, name)
        return None if found is None else found.text

    return Properties(
        title=said_text(said("dc:title")),
        author=said_text(said("meta:initial-creator")) or said_text(said("dc:creator")),
        created=said_time(_seconds(said("meta:creation-date"))),
        modified=said_time(_seconds(said("dc:date"))),
        language=said_text(said("dc:language")) or default_language,
    )


def _seconds(written: str | None) -> str | None:
    """Without fractions: OpenDocument has nine digits of them, Python reads six."""
    return written.partition(".")[0] if written else None
