"""For extractors that need no OCR: it fails the test when it is asked for."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from actors.extractors.document import Document, ExtractionOptions, RecognisedPage
from actors.extractors.extractor import Extractor, PageFailed, PageImage, ParseLimits


class NoOcr:
    def __init__(self) -> None:
        self.reports: list[tuple[int, int]] = []

    def recognise_pages(self, images: Iterable[PageImage]) -> Iterator[tuple[int, RecognisedPage | PageFailed]]:
        raise AssertionError(f"nothing here has a page to recognise, not {list(images)}")

    def progress(self, pages_done: int, pages_total: int) -> None:
        self.reports.append((pages_done, pages_total))


def extracted(extract: Extractor, path: Path, options: ExtractionOptions | None = None) -> Document:
    document = extract(path, options or ExtractionOptions(), ParseLimits(), NoOcr())
    assert_spans_fit(document)
    return document


def assert_spans_fit(document: Document) -> None:
    for page in document.pages:
        for line in page.lines:
            offset, size = line.span
            assert document.content[offset : offset + size] == line.text
