"""A small file of each kind that is extracted, as its usual writers make them, and what must be found in it."""

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pptx
import xlsxwriter
from pptx.util import Inches

from storage.upload_checks.media_type_names import PPTX, XLSX
from tests.unit.extractors import opendocument_files as odf
from tests.unit.extractors.epub_files import write_epub


@dataclass(frozen=True, slots=True)
class Sample:
    """`cells` are of the first table."""

    file_name: str
    make: Callable[[], bytes]
    media_type: str
    text: str
    cells: tuple[str, ...] = ()
    pages: int = 1


def html() -> bytes:
    return b"<!doctype html><title>T</title><h1>Ledger</h1><table><tr><th>Item<th>Price<tr><td>Pen<td>2</table>"


def markdown() -> bytes:
    return b"# Ledger\n\n| Item | Price |\n|------|-------|\n| Pen  | 2     |\n"


def csv() -> bytes:
    return b"Item,Price\r\nPen,2\r\n"


def mail() -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "ann@example.test", "Ledger"
    message.set_content("Item, price")
    message.add_alternative(html().decode(), subtype="html")
    message.add_attachment(csv(), maintype="text", subtype="csv", filename="ledger.csv")
    return bytes(message)


def presentation() -> bytes:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Ledger"
    grid = slide.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for cell, text in zip(grid.iter_cells(), _CELLS, strict=True):
        cell.text = text
    deck.slides.add_slide(deck.slide_layouts[6])
    written = io.BytesIO()
    deck.save(written)
    return written.getvalue()


def workbook() -> bytes:
    written = io.BytesIO()
    with xlsxwriter.Workbook(written) as book:
        sheet = book.add_worksheet("Ledger")
        sheet.write_row("B2", ["Item", "Price"])
        sheet.write_row("B3", ["Pen", 2])
        book.add_worksheet()
    return written.getvalue()


def book() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        chapters = {"a.xhtml": html().decode().removeprefix("<!doctype html>"), "b.xhtml": "<p>The end</p>"}
        return write_epub(Path(folder) / "book.epub", chapters).read_bytes()


def open_document(form: str) -> bytes:
    rows = [odf.row(*map(odf.cell, _CELLS[:2])), odf.row(*map(odf.cell, _CELLS[2:]))]
    table = odf.table(*rows, attributes='table:name="Ledger"')
    place = 'svg:x="1cm" svg:y="1cm" svg:width="9cm" svg:height="9cm"'
    bodies = {
        "text": f"<text:h>Ledger</text:h>{table}",
        "spreadsheet": table + odf.table(),
        "presentation": f"<draw:page draw:name='1' draw:master-page-name='M'><draw:frame {place}><draw:text-box>"
        f"{odf.p('Ledger')}</draw:text-box></draw:frame><draw:frame>{table}</draw:frame></draw:page>",
    }
    with tempfile.TemporaryDirectory() as folder:
        return odf.write_odf(Path(folder) / "sample", bodies[form], form).read_bytes()


def rich_text() -> bytes:
    row = rb"\trowd\cellx1000\cellx2000\pard\intbl %b\cell %b\cell\row"
    rows = row % (b"Item", b"Price") + row % (b"Pen", b"2")
    return rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\f0\pard\outlinelevel0 Ledger\par" + rows + b"}"


_CELLS = ("Item", "Price", "Pen", "2")

SAMPLES = (
    Sample("slides.pptx", presentation, PPTX, "Ledger", _CELLS, pages=2),
    Sample("book.xlsx", workbook, XLSX, "Ledger", _CELLS, pages=2),
    Sample("book.epub", book, "application/epub+zip", "Ledger", _CELLS, pages=2),
    Sample("text.odt", lambda: open_document("text"), odf.MIMETYPE + "text", "Ledger", _CELLS),
    Sample("sheet.ods", lambda: open_document("spreadsheet"), odf.MIMETYPE + "spreadsheet", "Ledger", _CELLS, pages=2),
    Sample("slide.odp", lambda: open_document("presentation"), odf.MIMETYPE + "presentation", "Ledger", _CELLS),
    Sample("letter.rtf", rich_text, "application/rtf", "Ledger", _CELLS),
    Sample("page.html", html, "text/html", "Ledger", _CELLS),
    Sample("notes.md", markdown, "text/markdown", "Ledger", _CELLS),
    Sample("table.csv", csv, "text/csv", "Pen\t2", _CELLS),
    Sample("table.tsv", lambda: csv().replace(b",", b"\t"), "text/tab-separated-values", "Pen\t2", _CELLS),
    Sample("message.eml", mail, "message/rfc822", "Ledger", _CELLS),
    Sample("note.txt", lambda: b"Item and price", "text/plain", "Item and price"),
)
