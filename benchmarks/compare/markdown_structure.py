"""The structure that a program says in Markdown."""

import html

from markdown_it import MarkdownIt
from markdown_it.token import Token

from benchmarks.structure.truth import Structure, TableCells, grid_cells

_PARSER = MarkdownIt("commonmark").enable("table")


def structure_of_markdown(text: str) -> Structure:
    """Headings, list items and tables without spans; the pieces are all text between."""
    tokens = _PARSER.parse(text)
    found = Structure()
    items = 0
    for before, token in zip([None, *tokens], tokens, strict=False):
        items += {"list_item_open": 1, "list_item_close": -1}.get(token.type, 0)
        if token.type != "inline" or before is None:
            continue
        content = _plain(token)
        found.pieces.append(content)
        if before.type == "heading_open":
            found.headings.append((int(before.tag[1]), content))
        elif items and before.type == "paragraph_open":
            found.list_items.append(content)
    found.tables = _tables(tokens)
    return found


def _plain(token: Token) -> str:
    return html.unescape("".join(map(_plain_part, token.children or [])))


def _plain_part(part: Token) -> str:
    if part.type in {"softbreak", "hardbreak"}:
        return " "
    return part.content if part.type in {"text", "code_inline"} else ""


def _tables(tokens: list[Token]) -> list[TableCells]:
    tables: list[list[list[str]]] = []
    in_cell = False
    for token in tokens:
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type in {"td_open", "th_open"}:
            in_cell = True
        elif token.type in {"td_close", "th_close"}:
            in_cell = False
        elif token.type == "inline" and in_cell:
            tables[-1][-1].append(_plain(token))
    return [grid_cells(table) for table in tables]


def grids_of(found: Structure) -> list[list[list[str]]]:
    """Its tables as rows of texts."""
    grids = []
    for table in found.tables:
        rows = max((cell.row for cell in table), default=-1) + 1
        columns = max((cell.column for cell in table), default=-1) + 1
        grid = [[""] * columns for _ in range(rows)]
        for cell in table:
            grid[cell.row][cell.column] = cell.text
        grids.append(grid)
    return grids
