"""Documents of all kinds, no two with the same bytes, and how their jobs must end."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from docx import Document
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfReader, PdfWriter

from tests.scanned_pages import scanned_pdf

LINES = 6


@dataclass(frozen=True, slots=True)
class Sample:
    """`make` is given a word that must be read again. `code` is the error of a job that must fail."""

    name: str
    make: Callable[[str], bytes]
    share: int
    """How often it comes, against the others."""
    code: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


def text_pdf(word: str) -> bytes:
    pdf = FPDF()
    pdf.set_font("Helvetica", size=11)
    for page in range(1, 4):
        pdf.add_page()
        for line in range(30):
            pdf.cell(text=f"Page {page}, line {line} of {word}", new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


def docx(word: str) -> bytes:
    document = Document()
    document.add_heading(f"About {word}", 1)
    for number in range(30):
        document.add_paragraph(f"Paragraph {number} of {word}.")
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def text(word: str) -> bytes:
    return "\n".join(f"Line {number} of {word}" for number in range(100)).encode()


def picture(word: str) -> bytes:
    image = Image.new("L", (900, 300), 255)
    draw = ImageDraw.Draw(image)
    for line in range(3):
        draw.text((40, 40 + 70 * line), f"Picture {line} of {word}", fill=0, font=ImageFont.load_default(36))
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def scan(word: str) -> bytes:
    return scanned_pdf(1, LINES, word)


def long_scan(word: str) -> bytes:
    return scanned_pdf(3, LINES, word)


def very_long_scan(word: str) -> bytes:
    return scanned_pdf(12, LINES, word)


def corrupt_pdf(word: str) -> bytes:
    """Its beginning is a PDF's, the rest is noise."""
    return b"%PDF-1.7\n" + random.Random(word).randbytes(20_000)  # noqa: S311 - the same file again


def locked_pdf(word: str) -> bytes:
    writer = PdfWriter(PdfReader(io.BytesIO(text_pdf(word))))
    writer.encrypt(user_password="secret of the tests")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def huge_picture(word: str) -> bytes:
    """Four thousand million pixels in a few bytes."""
    header = struct.pack(">IIBBBBB", 65_000, 65_000, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"tEXt", b"Comment\0" + word.encode()), (b"IDAT", zlib.compress(bytes(1000)))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in [*chunks, (b"IEND", b"")])


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


SAMPLES = (
    Sample("report.pdf", text_pdf, 30),
    Sample("note.txt", text, 19),
    Sample("letter.docx", docx, 17),
    Sample("picture.png", picture, 7),
    Sample("scan.pdf", scan, 7),
    Sample("long-scan.pdf", long_scan, 3),
    Sample("broken.pdf", corrupt_pdf, 7, "corrupt-file"),
    Sample("locked.pdf", locked_pdf, 5, "password-required"),
    Sample("huge.png", huge_picture, 4, "image-too-large"),
    Sample("late.pdf", very_long_scan, 1, "timeout", {"timeout_seconds": 1.0}),
)


def chosen(count: int, chance: random.Random) -> list[Sample]:
    """`count` samples in their shares, each at least once, in any order."""
    total = sum(sample.share for sample in SAMPLES)
    rows = [sample for sample in SAMPLES for _ in range(max(1, count * sample.share // total))]
    rows += [SAMPLES[0]] * (count - len(rows))
    chance.shuffle(rows)
    return rows[:count]
