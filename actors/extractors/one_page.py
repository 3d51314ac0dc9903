"""Files that have no pages of their own, as a document of one."""

from collections.abc import Iterable, Iterator

from actors.extractors.assembly import BlockPiece, PagePiece, assemble
from actors.extractors.document import Document, ExtractionOptions
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.page_selection import selected_pages

_BLOCKS_PER_SIGN_OF_LIFE = 500


def one_page(
    document: Document,
    blocks: Iterable[BlockPiece],
    options: ExtractionOptions,
    limits: ParseLimits,
    ocr: OcrRequester,
    size: tuple[float, float] = (0.0, 0.0),
) -> Document:
    """`document` with `blocks` on its only page, which has measures (points) only where the file says some.

    `blocks` are not read at all where other pages are asked for.
    """
    document.properties.page_count = 1
    pages = [
        PagePiece(number, *size, list(with_signs_of_life(blocks, ocr)))
        for number in selected_pages(options.pages, 1, limits.max_pages)
    ]
    for page in pages:
        page.source = "text" if page.blocks else "none"
    ocr.progress(1, 1)
    return assemble(document, pages)


def with_signs_of_life(blocks: Iterable[BlockPiece], ocr: OcrRequester) -> Iterator[BlockPiece]:
    """`blocks`, telling now and then that they still come."""
    for count, block in enumerate(blocks, start=1):
        if count % _BLOCKS_PER_SIGN_OF_LIFE == 0:
            ocr.progress(0, 1)
        yield block
