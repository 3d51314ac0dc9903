"""Elements of HTML by what they do to the text in them (the standard's section 15.3, and what browsers add)."""

import re

from actors.extractors.office.xml_tree import Element

HEADINGS = {f"h{level}": level for level in range(1, 7)}
LISTS = frozenset({"ul", "ol", "menu", "dir"})
VERBATIM = frozenset({"pre", "listing", "xmp", "plaintext"})
SECTIONING = frozenset({"article", "aside", "main", "section", "nav"})
"""Headers and footers within them are theirs, not the page's."""
_FLOW = frozenset({"address", "blockquote", "body", "center", "dialog", "div", "form", "hgroup", "hr", "html", "p"})
_PARTS = frozenset({"details", "fieldset", "figcaption", "figure", "footer", "header", "legend", "search", "summary"})
_TABLE = frozenset({"table", "caption", "tbody", "td", "tfoot", "th", "thead", "tr"})
BLOCKS = _FLOW | _PARTS | _TABLE | SECTIONING | VERBATIM | LISTS | set(HEADINGS) | {"dd", "dl", "dt", "li", "noframes"}
"""Text before, in and after them stands apart."""
_SCRIPTS = frozenset({"head", "script", "style", "template", "noscript", "title"})
_MEDIA = frozenset({"iframe", "object", "embed", "audio", "video", "canvas", "svg"})
_CONTROLS = frozenset({"select", "datalist", "textarea", "input"})
NOT_SHOWN = _SCRIPTS | _MEDIA | _CONTROLS | {"rp"}
_HIDDEN = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all)", re.IGNORECASE)


def is_hidden(element: Element) -> bool:
    """As far as the element itself says; style sheets are not read."""
    return element.get("hidden") is not None or bool(_HIDDEN.search(element.get("style", "")))
