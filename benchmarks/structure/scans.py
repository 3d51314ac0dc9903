"""Pictures: of pages, as a scanner makes them, and such that show nothing."""

import io

import pypdfium2 as pdfium
from fpdf import FPDF
from PIL import Image

from benchmarks.structure.words import Chance

_DOTS_PER_INCH = 200


def scanned(pdf: bytes, degrees: float) -> bytes:
    """The same pages as grey pictures, turned a little, without any text."""
    made = FPDF(unit="pt")
    document = pdfium.PdfDocument(pdf)
    try:
        for page in document:
            picture = page.render(scale=_DOTS_PER_INCH / 72, grayscale=True).to_pil()
            turned = picture.rotate(degrees, resample=Image.Resampling.BICUBIC, fillcolor=255)
            made.add_page(format=page.get_size())
            made.image(turned, 0, 0, *page.get_size())
    finally:
        document.close()
    return bytes(made.output())


def coloured(chance: Chance) -> bytes:
    """A picture without text: PNG."""
    written = io.BytesIO()
    Image.new("RGB", (200, 110), (chance.randint(60, 200), 120, chance.randint(60, 200))).save(written, "PNG")
    return written.getvalue()
