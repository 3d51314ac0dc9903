"""What an HTML document says about itself."""

from actors.extractors.document import Properties
from actors.extractors.office.xml_tree import Element
from actors.extractors.said_about_itself import said_text, said_time

_AUTHOR = ("author", "dc.creator", "dcterms.creator", "article:author")
_CREATED = ("article:published_time", "dcterms.created", "dc.date.created", "dcterms.date", "dc.date", "date")
_MODIFIED = ("article:modified_time", "dcterms.modified", "dc.date.modified", "last-modified")


def properties_of(root: Element) -> Properties:
    said: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = (meta.get("name") or meta.get("property") or meta.get("http-equiv") or "").casefold()
        said.setdefault(name, meta.get("content", ""))
    title = next((each for each in root.iter("title") if next(each.iterancestors("svg"), None) is None), None)
    return Properties(
        title=said_text(None if title is None else title.text),
        author=next((text for name in _AUTHOR if (text := said_text(said.get(name)))), None),
        created=next((time for name in _CREATED if (time := said_time(said.get(name)))), None),
        modified=next((time for name in _MODIFIED if (time := said_time(said.get(name)))), None),
        language=said_text(root.get("lang") or root.get("xml:lang")),
    )
