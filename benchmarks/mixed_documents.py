"""Documents of the kinds that a tenant has, in fixed shares; each is another one."""

import io
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from docx import Document
from PIL import Image, ImageDraw, ImageFont

from benchmarks.documents import text_pdfs

PAGES = 5


def text_pdf(number: int) -> bytes:
    with TemporaryDirectory() as folder:
        (path,) = text_pdfs(Path(folder), 1, PAGES)
        # What stands behind the end is not read.
        return path.read_bytes() + f"\n% {number}\n".encode()


def docx(number: int) -> bytes:
    document = Document()
    document.add_heading(f"Report {number}", 1)
    for paragraph in range(60):
        document.add_paragraph(f"Paragraph {paragraph} of report {number}, about deliveries and payments.")
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def note(number: int) -> bytes:
    return "\n".join(f"Line {line} of note {number}" for line in range(200)).encode()


def picture(number: int) -> bytes:
    image = Image.new("L", (800, 200), 255)
    draw = ImageDraw.Draw(image)
    draw.text((40, 40), f"Receipt {number}", fill=0, font=ImageFont.load_default(40))
    draw.text((40, 110), "Total 12.50", fill=0, font=ImageFont.load_default(40))
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def damaged(number: int) -> bytes:
    return b"%PDF-1.7\n" + f"nothing of number {number}".encode() * 200


TURN: tuple[tuple[str, Callable[[int], bytes]], ...] = (
    *[("report.pdf", text_pdf), ("note.txt", note), ("letter.docx", docx)] * 6,
    ("receipt.png", picture),
    ("damaged.pdf", damaged),
)
"""Twenty documents: 6 each of PDF, text and DOCX, an image for OCR, and one that cannot be read."""


def mixed(count: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each."""
    for number, (name, make) in enumerate(islice(cycle(TURN), count)):
        yield name, make(number)
