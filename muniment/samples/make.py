"""Makes the sample documents, all but `languages.txt`, which was typed. Everything in them is invented.

Fonts: PDF's built-in Helvetica, which is not embedded, and Aileron from Pillow, which is in the public domain (CC0).
"""

import random
from datetime import UTC, datetime
from pathlib import Path

from docx import Document
from fpdf import FPDF
from fpdf.fonts import FontFace
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from muniment.samples import FOLDER

MADE = datetime(2026, 3, 17, 9, 30, tzinfo=UTC)
"""Fixed, so that the same script makes the same bytes."""

ITEMS = [
    ("Archive boxes, acid-free, A4", 40, 6.20),
    ("Map folders, large", 12, 14.90),
    ("Scanning, per 100 pages", 31, 18.00),
    ("Restoration of a torn deed", 2, 85.00),
    ("Shelf labels, roll of 500", 3, 11.50),
]

LETTER = """Harbour Archive
14 Quay Street

17 March 2026

Dear Ms Lindqvist,

thank you for your inquiry about the ship registers of
1871 to 1899. Volumes 3 and 5 survived the fire of 1902;
volume 4 is known only from a copy made in 1888.

You may read both volumes in our reading room on
weekdays between 9:00 and 16:30. Please order them two
days ahead under the numbers HA-1871-3 and HA-1891-5.

Yours sincerely,
T. Okafor, archivist
"""

RECEIPT = [
    "CAFE MERIDIAN",
    "8 Market Lane",
    "",
    "2 x Coffee        7.00",
    "1 x Soup          6.50",
    "1 x Bread         2.20",
    "",
    "TOTAL            15.70",
    "CASH             20.00",
    "CHANGE            4.30",
    "",
    "17.03.2026  13:42",
    "Thank you!",
]


def invoice() -> FPDF:
    """Two pages of text with a ruled table, as an office program writes them."""
    pdf = FPDF(format="A4")
    pdf.set_creation_date(MADE)
    pdf.set_title("Invoice 2026-0317")
    pdf.set_author("Quill & Vellum Ltd")
    pdf.add_page()
    pdf.set_font("helvetica", "B", 20)
    pdf.cell(0, 12, "Invoice 2026-0317", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("helvetica", size=11)
    pdf.multi_cell(0, 6, "Quill & Vellum Ltd\n3 Binder's Row\nTo: Harbour Archive, 14 Quay Street", align="L")
    pdf.ln(6)
    _items(pdf)
    pdf.ln(6)
    pdf.multi_cell(0, 6, "Payable within 30 days. Please give the invoice's number with your payment.", align="L")
    pdf.add_page()
    pdf.set_font("helvetica", "B", 14)
    pdf.cell(0, 10, "Notes on the work", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("helvetica", size=11)
    for note in (
        "The deeds of 1764 and 1781 were cleaned dry, their tears closed with Japanese paper, and pressed.",
        "3,100 pages were scanned at 400 dpi. Eleven pages could not be opened flat; they are marked in the index.",
        "The boxes were delivered on 12 March. Two map folders follow in April, already contained in this invoice.",
    ):
        pdf.multi_cell(0, 6, note, align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(3)
    return pdf


def _items(pdf: FPDF) -> None:
    total = sum(count * price for _, count, price in ITEMS)
    heading = FontFace(emphasis="BOLD", fill_color=(230, 230, 230))
    with pdf.table(
        col_widths=(90, 25, 35, 35), text_align=("LEFT", "RIGHT", "RIGHT", "RIGHT"), headings_style=heading
    ) as table:
        table.row(("Item", "Number", "Price", "Amount"))
        for item, count, price in ITEMS:
            table.row((item, str(count), f"{price:.2f}", f"{count * price:,.2f}"))
        table.row(("Total", "", "", f"{total:,.2f}"))


def scanned_letter(folder: Path) -> FPDF:
    """One page that is only a picture: slightly turned, grey, with a little noise."""
    page = Image.new("L", (1240, 1754), 250)
    draw = ImageDraw.Draw(page)
    draw.multiline_text((150, 190), LETTER, font=ImageFont.load_default(34), fill=35, spacing=16)
    page = page.rotate(0.7, resample=Image.Resampling.BICUBIC, fillcolor=246)
    page = page.filter(ImageFilter.GaussianBlur(0.7))
    picture = folder / "scanned-letter.tmp.jpg"
    _with_noise(page, 7).save(picture, quality=60)
    pdf = FPDF(format="A4")
    pdf.set_creation_date(MADE)
    pdf.add_page()
    pdf.image(picture, x=0, y=0, w=210)
    picture.unlink()
    return pdf


def receipt() -> Image.Image:
    """A receipt photographed on a table: seen at an angle, lit from one side."""
    paper = Image.new("L", (620, 900), 240)
    draw = ImageDraw.Draw(paper)
    for number, line in enumerate(RECEIPT):
        name, _, amount = line.rpartition("  ")
        draw.text((60, 60 + 60 * number), (name or line).strip(), font=ImageFont.load_default(38), fill=40)
        if name:
            draw.text((560, 60 + 60 * number), amount, font=ImageFont.load_default(38), fill=40, anchor="ra")
    # Where the corners of the picture lie on the paper and beyond it.
    corners = (-90, -60, -130, 990, 760, 950, 690, -90)
    # The mark of what is paper is turned with it; around it lies the table.
    turned = paper.transform((900, 1200), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC, fillcolor=0)
    mark = Image.new("L", paper.size, 255).transform((900, 1200), Image.Transform.QUAD, corners, fillcolor=0)
    scene = Image.composite(turned, Image.new("L", turned.size, 92), mark)
    light = Image.linear_gradient("L").rotate(90).resize(scene.size).point(lambda value: 165 + value * 90 // 255)
    lit = ImageChops.multiply(scene, light).filter(ImageFilter.GaussianBlur(0.8))
    return Image.merge(
        "RGB", [_with_noise(lit, 6).point(lambda value, tint=tint: int(value * tint)) for tint in _TINTS]
    )


_TINTS = (1.0, 0.97, 0.9)
"""Of a warm lamp."""


def _with_noise(picture: Image.Image, strength: int) -> Image.Image:
    generator = random.Random(20260317)  # noqa: S311 - grain of a picture
    noise = Image.frombytes("L", picture.size, generator.randbytes(picture.width * picture.height))
    faint = noise.point(lambda value: 128 + (value - 128) * strength // 128)
    return ImageChops.add(picture, faint, offset=-128)


def meeting_notes(path: Path) -> None:
    """Headings, a list and a table, as a word processor writes them."""
    notes = Document()
    notes.core_properties.title = "Notes of the archive committee"
    notes.core_properties.author = "T. Okafor"
    notes.core_properties.created = notes.core_properties.modified = MADE.replace(tzinfo=None)
    notes.add_heading("Notes of the archive committee", level=0)
    notes.add_paragraph("Met on 17 March 2026 in the reading room. Present: Okafor, Lindqvist, Duarte.")
    notes.add_heading("Decisions", level=1)
    for decision in (
        "The registers of 1871 to 1899 are scanned first.",
        "Readers may order up to five volumes a day.",
        "The damp in the east store is measured every week.",
    ):
        notes.add_paragraph(decision, style="List Bullet")
    notes.add_heading("Budget", level=1)
    rows = [("Purpose", "2025", "2026"), ("Scanning", "4,100", "5,800"), ("Restoration", "2,300", "1,900")]
    table = notes.add_table(rows=0, cols=3, style="Table Grid")
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    notes.add_paragraph("The next meeting is on 21 April 2026.")
    notes.save(str(path))


def main() -> None:
    invoice().output(str(FOLDER / "invoice.pdf"))
    scanned_letter(FOLDER).output(str(FOLDER / "scanned-letter.pdf"))
    meeting_notes(FOLDER / "meeting-notes.docx")
    receipt().save(FOLDER / "receipt.jpg", quality=72)


if __name__ == "__main__":
    main()
