"""PDF files written for a test."""

from collections.abc import Sequence
from pathlib import Path

from fpdf import FPDF
from PIL import Image


def new_pdf(*, size: int = 12) -> FPDF:
    """An empty A4 document in points, with a page and a font."""
    pdf = FPDF(unit="pt", format="A4")
    pdf.set_auto_page_break(auto=False)
    pdf.add_page()
    pdf.set_font("Helvetica", size=size)
    return pdf


def written(pdf: FPDF, path: Path) -> Path:
    pdf.output(str(path))
    return path


def column(pdf: FPDF, lines: Sequence[str], x: float, y: float, leading: float = 14.0) -> None:
    """Lines at fixed places, the first one's baseline at `y`."""
    for index, line in enumerate(lines):
        pdf.text(x, y + index * leading, line)


def picture(width: int = 400, height: int = 300) -> Image.Image:
    return Image.new("L", (width, height), 128)


def raw_pdf(path: Path, objects: Sequence[str], root: int = 1, trailer: str = "") -> Path:
    """A file of the given objects, numbered from 1, with a right cross-reference table."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    start = len(out)
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode("ascii")
    out += f"trailer\n<< /Size {len(objects) + 1} /Root {root} 0 R {trailer} >>\n".encode("latin-1")
    out += f"startxref\n{start}\n%%EOF\n".encode("ascii")
    path.write_bytes(out)
    return path


def stream(content: str, entries: str = "") -> str:
    return f"<< /Length {len(content)} {entries} >>\nstream\n{content}\nendstream"
