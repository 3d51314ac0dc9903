"""Workbooks made of raw XML, for what no library writes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from actors.extractors.document import Document, ExtractionOptions
from actors.extractors.xlsx.extraction import extract
from tests.unit.extractors.docx_files import relationships, write_parts
from tests.unit.extractors.no_ocr import extracted

_OFFICE = "http://schemas.openxmlformats.org/"
_STRICT = "http://purl.oclc.org/ooxml/"


def root(name: str, inside: str, *, strict: bool = False) -> str:
    main = _STRICT + "spreadsheetml/main" if strict else _OFFICE + "spreadsheetml/2006/main"
    related = f"{_STRICT}officeDocument/relationships" if strict else f"{_OFFICE}officeDocument/2006/relationships"
    return f'<{name} xmlns="{main}" xmlns:r="{related}">{inside}</{name}>'


def sheet(rows: str, before: str = "", after: str = "", *, strict: bool = False) -> str:
    return root("worksheet", f"{before}<sheetData>{rows}</sheetData>{after}", strict=strict)


def row(number: int, *cells: str, attributes: str = "") -> str:
    return f'<row r="{number}" {attributes}>{"".join(cells)}</row>'


def text(reference: str, value: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>'


def number(reference: str, value: object, style: int = 0) -> str:
    return f'<c r="{reference}" s="{style}"><v>{value}</v></c>'


def write_xlsx(
    path: Path,
    sheets: Sequence[str],
    parts: Mapping[str, str | bytes] | None = None,
    related: Mapping[str, tuple[str, str]] | None = None,
    *,
    workbook: str = "",
    state: str = "",
    kind: str = "worksheet",
    strict: bool = False,
) -> Path:
    """Sheets are named S1, S2, ...; `parts` by their whole name; `related` are the first sheet's relationships."""
    names = {f"s{number}": (kind, f"worksheets/sheet{number}.xml") for number in range(1, len(sheets) + 1)}
    names |= {"strings": ("sharedStrings", "sharedStrings.xml"), "styles": ("styles", "styles.xml")}
    listed = "".join(f'<sheet name="S{n}" r:id="s{n}" {state}/>' for n in range(1, len(sheets) + 1))
    written: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="{_OFFICE}package/2006/content-types"/>',
        "_rels/.rels": relationships({"main": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": root("workbook", f"{workbook}<sheets>{listed}</sheets>", strict=strict),
        "xl/_rels/workbook.xml.rels": relationships(names),
        "xl/worksheets/_rels/sheet1.xml.rels": relationships(dict(related or {})),
    }
    for place, xml in enumerate(sheets, start=1):
        written[f"xl/worksheets/sheet{place}.xml"] = xml
    return write_parts(path, written | dict(parts or {}))


def read(path: Path, options: ExtractionOptions | None = None) -> Document:
    return extracted(extract, path, options)


def read_sheet(
    tmp_path: Path,
    xml: str,
    parts: Mapping[str, str | bytes] | None = None,
    related: Mapping[str, tuple[str, str]] | None = None,
) -> Document:
    return read(write_xlsx(tmp_path / "sample.xlsx", [xml], parts, related))


def cells_of(document: Document) -> list[tuple[int, int, str]]:
    """Row, column and text of the only table's cells that are not empty."""
    (table,) = document.tables
    return [(cell.row, cell.column, cell.text) for cell in table.cells if cell.text]
