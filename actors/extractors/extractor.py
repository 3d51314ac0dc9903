"""What an extractor is given and what it may ask for while it reads one file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from actors.extractors.document import Document, ExtractionOptions, RecognisedPage


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What one parse may use. Sizes are bytes, times are seconds."""

    max_pages: int = 5000
    """Pages (or frames) that are read; a file with more is `too-many-pages`."""
    max_image_pixels: int = 100_000_000
    """Pixels of an image file before it is decoded; more is `image-too-large`."""
    max_ocr_pixels: int = 16_000_000
    """Pixels of a page image that is given to OCR; larger ones are scaled down (A4 at 200 dpi has 3.9 million)."""
    max_words: int = 400_000
    """Words that are kept with their places; lines after them are kept without."""
    max_document_bytes: int = 256 * 2**20
    """Size of the resulting JSON."""
    memory_bytes: int = 2 * 2**30
    """Address space of the parsing child above what it starts with."""
    page_seconds: float = 60.0
    """A child that works for so long without finishing a page is killed; waiting for OCR does not count."""
    ocr_in_flight: int = 4
    """Page images that wait for OCR at one time; nothing more is rendered until one comes back."""


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page to recognise. `save` writes its image file (PNG) and is called only when OCR has room for it."""

    number: int
    save: Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class PageFailed:
    """A page that could not be rendered or recognised, and why."""

    reason: str


class OcrRequester(Protocol):
    """The extractor's way out of its process: to the OCR pool, and to whoever watches the progress."""

    def recognise_pages(self, images: Iterable[PageImage]) -> Iterator[tuple[int, RecognisedPage | PageFailed]]:
        """Each page's number and what was found on it, in the order in which they come back.

        `images` is drawn from only as fast as OCR answers, so a generator may read a whole document page by page.
        """
        ...

    def progress(self, pages_done: int, pages_total: int) -> None:
        """Tell how far the parse is; also shows that it is alive."""
        ...


class Extractor(Protocol):
    """Reads one file: bytes in, document out; no network, no clock, nothing written but through `ocr`."""

    def __call__(self, source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
        """The document. Raises ExtractionFailed when the whole file cannot be read."""
        ...
