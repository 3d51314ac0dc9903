"""What Muniment's own extractor finds, called as a function: no service, no child process."""

import tempfile
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from actors.extractors.document import Document, ExtractionOptions, RecognisedPage
from actors.extractors.extractor import PageFailed, PageImage, ParseLimits
from actors.extractors.pdf.extraction import extract
from benchmarks.structure.truth import Cell, Structure

if TYPE_CHECKING:
    from actors.ocr_engine import OcrEngine


class OcrHere:
    """Recognises in this process, one page at a time; the engine is loaded for the first page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _engine(self) -> "OcrEngine":
        from actors.ocr_engine import OcrEngine

        return OcrEngine(self._folder / "models")

    def recognise_pages(self, images: Iterable[PageImage]) -> Iterator[tuple[int, RecognisedPage | PageFailed]]:
        for image in images:
            path = self._folder / f"{image.number}.png"
            image.save(path)
            yield image.number, self._engine.recognise(path)

    def progress(self, pages_done: int, pages_total: int) -> None: ...


class MunimentReader:
    """Reads documents into structures; to be closed, as its pictures lie on the disk."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._ocr = OcrHere(Path(self._folder.name))

    def __call__(self, pdf: bytes) -> Structure:
        path = Path(self._folder.name) / "case.pdf"
        path.write_bytes(pdf)
        return structure_of(extract(path, ExtractionOptions(), ParseLimits(), self._ocr))

    def close(self) -> None:
        self._folder.cleanup()


def structure_of(document: Document) -> Structure:
    texts = [(block, _text(document, block.span)) for block in document.blocks]

    def of(*types: str) -> list[str]:
        return [text for block, text in texts if block.type in types]

    headings = [
        (0 if block.type == "title" else block.level or 1, text)
        for block, text in texts
        if block.type in {"title", "heading"}
    ]
    return Structure(
        pieces=[text for block, text in texts if block.layer == "body"],
        tables=[
            tuple(Cell(cell.row, cell.column, cell.text, cell.row_span, cell.column_span) for cell in table.cells)
            for table in document.tables
        ],
        headings=headings,
        list_items=of("list_item"),
        captions=of("caption"),
        footnotes=of("footnote"),
        furniture=of("header", "footer"),
        key_values=[(pair.key, pair.value) for pair in document.key_values],
        figures=sum(block.type == "figure" for block in document.blocks),
    )


def _text(document: Document, span: tuple[int, int]) -> str:
    return document.content[span[0] : span[0] + span[1]]
