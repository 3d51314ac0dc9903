"""A scan of two thousand pages: how many rendered pages there are at one time, and what its parse takes in memory."""

import asyncio
import io
import tempfile
import time
from pathlib import Path

import psutil
from fpdf import FPDF
from PIL import Image

from actors.extractors.document import ExtractionOptions, RecognisedLine, RecognisedPage
from actors.extractors.extractor import ParseLimits
from actors.parse_process import ParseRequest, ParserProcesses
from benchmarks.documents import page_images

PAGES = 2000
DIFFERENT = 8
A6_200_DPI = (827, 1165)
MIB = 2**20
LINE = RecognisedLine("A line of the scan", (100.0, 100.0, 700.0, 140.0), 0.9)


class Watched:
    """OCR that is slower than the parse: it answers only when as many pages wait as may. Notes what there is then."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._waiting: list[asyncio.Event] = []
        self.pages = self.most_images = self.first_peak = self.peak = 0

    async def recognise(self, image: Path) -> RecognisedPage:
        self.pages += 1
        self.most_images = max(self.most_images, len(list(image.parent.iterdir())))
        parsing = [child for server in psutil.Process().children() for child in server.children()]
        self.peak = max(self.peak, *(child.memory_info().rss for child in parsing))
        if self.pages == PAGES // 10:
            self.first_peak = self.peak
        self._waiting.append(asyncio.Event())
        mine = self._waiting[-1]
        while self._waiting and (len(self._waiting) >= self._at_once or self.pages == PAGES):
            self._waiting.pop(0).set()
        await mine.wait()
        return RecognisedPage(*A6_200_DPI, (LINE,))


def run() -> str:
    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(_run(Path(name)))


async def _run(folder: Path) -> str:
    scan = await asyncio.to_thread(_scan, folder)
    limits = ParseLimits()
    processes, watched = ParserProcesses(limits, folder / "scratch"), Watched(limits.ocr_in_flight)
    began = time.perf_counter()
    options = ExtractionOptions(ocr="force", timeout_seconds=3600)

    async def ignore(_done: int, _total: int) -> None:
        return None

    document = await processes.parse(ParseRequest(scan, "application/pdf", ".pdf", options), watched.recognise, ignore)
    await processes.close()
    memory = f"{watched.first_peak / MIB:.0f} MiB at most in the first tenth, {watched.peak / MIB:.0f} MiB in all"
    return "\n".join(
        [
            f"A scan of {PAGES:,} pages of A6 at 200 dpi, {time.perf_counter() - began:.0f} s without OCR",
            f"  {watched.pages:,} pages rendered, {watched.most_images} of them at one time at most",
            f"  the parse's memory: {memory}; the document has {len(document.json) / MIB:.1f} MiB",
        ]
    )


def _scan(folder: Path) -> Path:
    """No two pages have the same picture, so that nothing can be kept for the next one."""
    pdf = FPDF(unit="pt", format=(A6_200_DPI[0] * 72 / 200, A6_200_DPI[1] * 72 / 200))
    originals = [Image.open(path).crop((0, 0, *A6_200_DPI)) for path in page_images(folder, DIFFERENT)]
    for number in range(PAGES):
        image = originals[number % DIFFERENT].convert("1")
        image.putpixel((number % image.width, number // image.width), 0)
        image.putpixel((number % image.width, 5), 0)
        written = io.BytesIO()
        image.save(written, "PNG")
        pdf.add_page()
        pdf.image(written, 0, 0, pdf.w, pdf.h)
    path = folder / "scan.pdf"
    pdf.output(str(path))
    return path
