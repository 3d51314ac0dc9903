"""The libraries by themselves, in a process of their own.

`python -m benchmarks.bare pdf|ocr FILE…` prints pages a second.
"""

import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdfium2

from actors.ocr_engine import OcrEngine

Box = tuple[float, float, float, float]


def pdf_words(paths: list[Path]) -> Callable[[], int]:
    """The words of every page with their boxes: no lines, no order, no JSON, no limits on what a file may do."""

    def work() -> int:
        pages = 0
        for path in paths:
            document = pypdfium2.PdfDocument(path)
            for page in document:
                list(_words(page.get_textpage()))
                pages += 1
        return pages

    return work


def _words(page: pypdfium2.PdfTextPage) -> Iterator[tuple[str, Box]]:
    """As the library's own methods give them: what stands between blanks, and a box around its characters' boxes."""
    text = page.get_text_range()
    for word in re.finditer(r"\S+", text):
        lefts, bottoms, rights, tops = zip(*map(page.get_charbox, range(*word.span())), strict=True)
        yield word[0], (min(lefts), min(bottoms), max(rights), max(tops))


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
    work = {"pdf": pdf_words, "ocr": ocr}[kind]([Path(name) for name in names])
    started = time.perf_counter()
    pages = work()
    print(pages / (time.perf_counter() - started))


if __name__ == "__main__":
    main()
