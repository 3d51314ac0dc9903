"""Images: each frame of a TIFF is a page, of anything else the first frame is the only one; the text comes by OCR."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps, ImageStat, UnidentifiedImageError

from actors.extractors.assembly import PagePiece, assemble
from actors.extractors.blocks import LaidOutPage, group_into_blocks
from actors.extractors.document import (
    Document,
    ExtractionFailed,
    ExtractionOptions,
    ExtractionWarning,
    Properties,
    RecognisedPage,
)
from actors.extractors.extractor import OcrRequester, PageFailed, PageImage, ParseLimits
from actors.extractors.label_values import label_values
from actors.extractors.page_image import save_page_image
from actors.extractors.page_ocr import page_confidence, recognised_lines
from actors.extractors.page_selection import selected_pages

_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
_LIGHT = 170
"""Mean brightness of what is not transparent, from which it must have been meant for a dark background."""
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, OverflowError, TypeError, KeyError)
"""What Pillow's decoders raise on broken files."""


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """A page for each frame, measured in pixels of the image as it is shown (EXIF orientation applied).

    Raises ExtractionFailed: `corrupt-file`, `image-too-large`, `too-many-pages`.
    """
    with _opened(source) as image:
        frames = _Frames(image, limits)
        numbers = selected_pages(options.pages, frames.count, limits.max_pages)
        pieces = {number: frames.page(number) for number in numbers}
        document = Document(properties=Properties(page_count=frames.count))
        if options.ocr != "never":
            _recognise(pieces, frames, document, ocr)
    return assemble(document, (pieces[number] for number in numbers))


@contextmanager
def _opened(source: Path) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        # Pillow's own limit is looser than ours, and a warning is no refusal.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(source, formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise _too_large() from error
        except (UnidentifiedImageError, *_UNREADABLE) as error:
            raise _corrupt() from error
        with image:
            yield image


class _Frames:
    """The frames of an open image, as pages."""

    def __init__(self, image: Image.Image, limits: ParseLimits) -> None:
        self._image, self._limits = image, limits
        self.count = self._count()

    def _count(self) -> int:
        if self._image.format != "TIFF":
            return 1
        try:
            return int(getattr(self._image, "n_frames", 1))
        except _UNREADABLE as error:
            raise _corrupt() from error

    def page(self, number: int) -> PagePiece:
        """The frame's measures, from its header. Raises ExtractionFailed before anything is decoded."""
        self._seek(number)
        width, height = self._image.size
        if width * height > self._limits.max_image_pixels:
            raise _too_large()
        if self._image.getexif().get(_EXIF_ORIENTATION, 1) in _QUARTER_TURNS:
            width, height = height, width
        return PagePiece(number, width, height, unit="px", source="none")

    def save(self, number: int, path: Path) -> None:
        self._seek(number)
        if self._image.format == "JPEG":
            self._image.draft(None, self._draft_size())
        save_page_image(normalised(self._image), path, self._limits.max_ocr_pixels)

    def _seek(self, number: int) -> None:
        self._image.seek(number - 1)

    def _draft_size(self) -> tuple[int, int]:
        """JPEG can be decoded at half size and less; never below what OCR takes."""
        width, height = self._image.size
        factor = max(1, int((width * height / self._limits.max_ocr_pixels) ** 0.5))
        return width // factor, height // factor


_EXIF_ORIENTATION = 0x0112
_QUARTER_TURNS = {5, 6, 7, 8}


def _recognise(pieces: dict[int, PagePiece], frames: _Frames, document: Document, ocr: OcrRequester) -> None:
    unreadable: list[int] = []

    def image(number: int) -> PageImage:
        def save(path: Path) -> None:
            try:
                frames.save(number, path)
            except _UNREADABLE as error:
                unreadable.append(number)
                raise ValueError("the frame cannot be decoded") from error

        return PageImage(number, save)

    for done, (number, found) in enumerate(ocr.recognise_pages(map(image, pieces)), start=1):
        _fill(pieces[number], found, document)
        ocr.progress(done, len(pieces))
    if pieces and len(unreadable) == len(pieces):
        raise _corrupt()


def _fill(piece: PagePiece, found: RecognisedPage | PageFailed, document: Document) -> None:
    if isinstance(found, PageFailed):
        piece.error = found.reason
        return
    lines = recognised_lines(found, piece.width, piece.height)
    page = LaidOutPage(piece.height, lines)
    group_into_blocks([page])
    piece.blocks, piece.rotation, piece.confidence = page.blocks, found.rotation, page_confidence(found)
    piece.source = "ocr" if lines else "none"
    document.key_values += label_values((line.piece for line in lines), piece.number)
    if not lines:
        document.warnings.append(ExtractionWarning("no-text", "No text was found on the page.", piece.number))


def normalised(image: Image.Image) -> Image.Image:
    """The image as it is shown, in eight-bit grey or RGB, on a background that its text can be read on."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        return _eight_bit(image)
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        return _on_background(image.convert("RGBA"))
    return image.convert("L" if image.mode in {"1", "L"} else "RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Sixteen bits and more: the darkest value becomes black, the brightest white."""
    wide = image.convert("F")
    low, high = wide.getextrema()
    if not isinstance(low, float) or not isinstance(high, float) or high <= low:
        return Image.new("L", image.size, 255)
    scale = 255.0 / (high - low)
    return wide.point(lambda value: value * scale + -low * scale).convert("L")


def _on_background(image: Image.Image) -> Image.Image:
    alpha = image.getchannel("A")
    visible = alpha.point(lambda value: 255 if value >= 128 else 0)  # noqa: PLR2004
    shown = ImageStat.Stat(image.convert("L"), mask=visible)
    is_light = shown.count[0] > 0 and shown.mean[0] > _LIGHT and visible.getextrema() != (255, 255)
    background = Image.new("RGB", image.size, "black" if is_light else "white")
    background.paste(image, mask=alpha)
    return background


def _corrupt() -> ExtractionFailed:
    return ExtractionFailed("corrupt-file", "parse", "The file is not an image that can be read.")


def _too_large() -> ExtractionFailed:
    return ExtractionFailed("image-too-large", "parse", "The image has more pixels than are decoded.")
