"""The libraries by themselves, in a process of their own.

`python -m benchmarks.bare pdf|ocr FILE…` prints pages a second.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pypdfium2

from actors.ocr_engine import OcrEngine


def pdf_text(paths: list[Path]) -> Callable[[], int]:
    """The text of every page, and nothing else: no geometry, no limits on what a file may do."""

    def work() -> int:
        pages = 0
        for path in paths:
            document = pypdfium2.PdfDocument(path)
            for page in document:
                page.get_textpage().get_text_bounded()
                pages += 1
        return pages

    return work


def ocr(paths: list[Path]) -> Callable[[], int]:
    """PaddleOCR as the pool uses it, on one thread; models are loaded and warm before the clock starts."""
    engine = OcrEngine(Path(tempfile.mkdtemp()))
    engine.recognise(paths[0])

    def work() -> int:
        for path in paths:
            engine.recognise(path)
        return len(paths)

    return work


def main() -> None:
    kind, *names = sys.argv[1:]
    work = {"pdf": pdf_text, "ocr": ocr}[kind]([Path(name) for name in names])
    started = time.perf_counter()
    pages = work()
    print(pages / (time.perf_counter() - started))


if __name__ == "__main__":
    main()
