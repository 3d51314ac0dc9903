"""PDFs without a text layer, as a scanner makes them: OCR has seconds of work with each page."""

import io

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1240, 1754
"""A4 at 150 dpi."""


def scanned_pdf(pages: int, lines: int = 30, about: str = "harbour") -> bytes:
    """Page `n` reads "Page n of the harbour report", and then `lines` more lines."""
    pdf = FPDF(unit="pt", format="A4")
    for number in range(1, pages + 1):
        pdf.add_page()
        pdf.image(io.BytesIO(_page(number, lines, about)), 0, 0, pdf.w, pdf.h)
    return bytes(pdf.output())


def _page(number: int, lines: int, about: str) -> bytes:
    image = Image.new("L", (WIDTH, HEIGHT), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(32)
    texts = [f"Page {number} of the {about} report", *(f"Line {line}: ships came and went" for line in range(lines))]
    for position, text in enumerate(texts):
        draw.text((100, 100 + 50 * position), text, fill=0, font=font)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()
