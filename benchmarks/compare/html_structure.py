"""The structure that a program says in HTML, where Markdown cannot: its tables have spans."""

from collections.abc import Iterator

from lxml import html

from benchmarks.structure.truth import Cell, Structure


def structure_of_html(text: str) -> Structure:
    if not text.strip():
        return Structure()
    root = html.document_fromstring(text)
    found = Structure(pieces=[_text(root)])
    for element in root.iter("h1", "h2", "h3", "h4", "h5", "h6"):
        found.headings.append((int(str(element.tag)[1]), _text(element)))
    found.list_items = [_text(element) for element in root.iter("li")]
    found.tables = [tuple(_cells(table)) for table in root.iter("table")]
    return found


def _text(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def _cells(table: html.HtmlElement) -> Iterator[Cell]:
    taken: set[tuple[int, int]] = set()
    for row, line in enumerate(table.iter("tr")):
        column = 0
        for element in line.iterchildren("td", "th"):
            while (row, column) in taken:
                column += 1
            rows, columns = (int(element.get(name, "1")) for name in ("rowspan", "colspan"))
            taken |= {(row + down, column + right) for down in range(rows) for right in range(columns)}
            yield Cell(row, column, _text(element), rows, columns)
