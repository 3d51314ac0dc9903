"""A document as a page of HTML. Whatever the document says stays text: nothing in it becomes markup."""

from html import escape

from actors.views.walk import Json, Place, lines, list_item, one_line, walk

MAX_LEVEL = 6
HEAD = '<!doctype html>\n<html{language}>\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n</head>\n<body>\n'
END = "</body>\n</html>\n"


def html(document: Json) -> str:
    """A section a page, with the body's blocks in reading order; headers and footers are left out."""
    properties = document["document"]
    language = f' lang="{escape(properties["language"])}"' if properties.get("language") else ""
    title = escape(one_line(properties.get("title") or properties.get("file_name") or ""))
    writer = _Writer()
    for place in walk(document):
        writer.add(place)
    writer.end_page()
    return HEAD.format(language=language, title=title) + "".join(writer.parts) + END


class _Writer:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self._page: int | None = None
        self._lists: list[str] = []
        """The lists that are open, from the outermost to the innermost: `ul` or `ol`."""

    def add(self, place: Place) -> None:
        block = place.block
        if block["page"] != self._page:
            self.end_page()
            self._page = block["page"]
            self.parts.append(f'<section id="page-{self._page}">\n')
        if block["type"] == "list_item":
            self._add_item(place)
            return
        self._close_lists(0)
        self.parts.append(_block(place))

    def end_page(self) -> None:
        self._close_lists(0)
        if self._page is not None:
            self.parts.append("</section>\n")

    def _add_item(self, place: Place) -> None:
        item = list_item(place.text)
        kind = "ul" if item.number is None else "ol"
        depth = min(place.block.get("level") or 1, len(self._lists) + 1)
        self._close_lists(depth)
        if len(self._lists) == depth and self._lists[-1] != kind:
            self._close_lists(depth - 1)
        if len(self._lists) < depth:
            self.parts.append(f"<{kind}>\n")
            self._lists.append(kind)
        else:
            self.parts.append("</li>\n")
        value = "" if item.number is None else f' value="{item.number}"'
        self.parts.append(f"<li{value}>{escape(item.text, quote=False)}")

    def _close_lists(self, depth: int) -> None:
        while len(self._lists) > depth:
            self.parts.append(f"</li>\n</{self._lists.pop()}>\n")


def _block(place: Place) -> str:
    block, text = place.block, place.text
    match block["type"]:
        case "title":
            return _element("h1", one_line(text))
        case "heading":
            return _element(f"h{min(MAX_LEVEL, block.get('level') or 1)}", one_line(text))
        case "table" if place.table is not None:
            return table_html(place.table) + "\n"
        case "code":
            return f"<pre><code>{escape(text, quote=False)}</code></pre>\n"
        case "figure":
            return f"<figure>{_broken(text)}</figure>\n"
        case _:
            return f"<p>{_broken(text)}</p>\n" if text.strip() else ""


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text, quote=False)}</{name}>\n" if text else ""


def _broken(text: str) -> str:
    """Lines stay lines: what the page broke is not joined by guessing."""
    return "<br>\n".join(escape(line, quote=False) for line in lines(text))


def table_html(table: Json) -> str:
    """The table alone, its spans kept."""
    rows: list[list[str]] = [[] for _ in range(table["rows"])]
    for cell in sorted(table["cells"], key=lambda cell: (cell["row"], cell["column"])):
        rows[cell["row"]].append(_cell(cell))
    return "<table>\n" + "".join(f"<tr>{''.join(row)}</tr>\n" for row in rows) + "</table>"


def _cell(cell: Json) -> str:
    name = "th" if cell["header"] else "td"
    spans = (("rowspan", cell["row_span"]), ("colspan", cell["column_span"]))
    attributes = "".join(f' {span}="{number}"' for span, number in spans if number > 1)
    return f"<{name}{attributes}>{_broken(cell['text'])}</{name}>"
