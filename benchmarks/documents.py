"""Documents made up for measuring: the same ones at every run, and no two with the same bytes."""

import random
from pathlib import Path

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

TEXT = (
    "invoice amount due within thirty days of delivery total including tax order number customer reference account "
    "payment received balance carried forward statement period opening closing interest charged quarterly report "
    "department approved by signature date place of performance warranty terms apply subject to change without notice"
)
WORDS = TEXT.split()
LINES = 42
WORDS_A_LINE = 10
A4_200_DPI = (1654, 2339)


def text_pdfs(folder: Path, count: int, pages: int) -> list[Path]:
    """Born-digital PDFs: `pages` full pages of text each."""
    return [_text_pdf(folder / f"text-{number}.pdf", _chance(number), pages) for number in range(count)]


def _text_pdf(path: Path, chance: random.Random, pages: int) -> Path:
    document = FPDF()
    document.set_font("Helvetica", size=10)
    for _ in range(pages):
        document.add_page()
        for line in _lines(chance):
            document.cell(text=line, new_x="LMARGIN", new_y="NEXT")
    document.output(str(path))
    return path


def page_images(folder: Path, count: int) -> list[Path]:
    """Pages as a scanner gives them: grey A4 at 200 dpi."""
    return [_page_image(folder / f"scan-{number}.png", _chance(number)) for number in range(count)]


def _page_image(path: Path, chance: random.Random) -> Path:
    image = Image.new("L", A4_200_DPI, 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=28)
    for row, line in enumerate(_lines(chance)):
        draw.text((120, 120 + row * 50), line, font=font, fill=0)
    image.save(path)
    return path


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same documents at every run


def _lines(chance: random.Random) -> list[str]:
    return [" ".join(chance.choices(WORDS, k=WORDS_A_LINE)) for _ in range(LINES)]
