"""OCR that finds what a test says, page by page, in this process."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from PIL import Image

from actors.extractors.document import RecognisedLine, RecognisedPage
from actors.extractors.extractor import PageFailed, PageImage

Found = RecognisedPage | PageFailed


class FakeOcr:
    """Keeps the size and mode of each image it was given, and all progress it was told."""

    def __init__(self, folder: Path, find: Callable[[int], Found] | None = None) -> None:
        self._folder, self._find = folder, find
        self.images: list[Image.Image] = []
        self.told: list[tuple[int, int]] = []

    def recognise_pages(self, images: Iterable[PageImage]) -> Iterator[tuple[int, Found]]:
        for image in images:
            path = self._folder / f"{image.number}.png"
            try:
                image.save(path)
            except (OSError, ValueError):
                yield image.number, PageFailed("not drawn")
                continue
            with Image.open(path) as opened:
                opened.load()
                self.images.append(opened)
            yield image.number, self._find(image.number) if self._find else self._nothing()

    def progress(self, pages_done: int, pages_total: int) -> None:
        self.told.append((pages_done, pages_total))

    def _nothing(self) -> RecognisedPage:
        return RecognisedPage(*self.images[-1].size, ())


def recognised(
    lines: dict[str, tuple[float, float, float, float]], size: tuple[int, int], rotation: int = 0
) -> RecognisedPage:
    """A page on which each text was found in its box."""
    return RecognisedPage(
        *size,
        tuple(RecognisedLine(text, box, 0.9, _corners(*box)) for text, box in lines.items()),
        rotation,
    )


def _corners(x0: float, y0: float, x1: float, y1: float) -> tuple[tuple[float, float], ...]:
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)
