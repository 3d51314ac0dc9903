"""Pictures and diagrams that are parts of their own."""

import io
import posixpath
import warnings

from PIL import Image as Pillow

from actors.extractors.document import ExtractionFailed, Image
from actors.extractors.office.drawings import Picture, drawing_paragraph
from actors.extractors.office.package import Package, Relationship
from actors.extractors.office.xml_tree import descendants

_HEAD_BYTES = 256 * 2**10
"""Where an image file says how large it is; JPEG may have that much before it."""
_MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "tif": "image/tiff",
    "svg": "image/svg+xml",
    **{kind: f"image/{kind}" for kind in ("png", "jpeg", "gif", "bmp", "tiff", "webp", "emf", "wmf")},
}


def image_of(picture: Picture, relationships: dict[str, Relationship], package: Package) -> Image | None:
    """The picture with its own size in pixels where the file says it, else as it is shown; None for outside ones."""
    related = relationships.get(picture.relationship or "")
    if related is None or related.external or related.target not in package:
        return None
    extension = posixpath.splitext(related.target)[1].lstrip(".").casefold()
    width, height = _size(package.head(related.target, _HEAD_BYTES)) or (picture.width, picture.height)
    return Image("", 1, width, height, _MEDIA_TYPES.get(extension, "application/octet-stream"))


def _size(head: bytes) -> tuple[int, int] | None:
    """By the header alone: nothing is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Pillow.open(io.BytesIO(head), formats=("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")) as image:
                return image.size
    except Exception:  # noqa: BLE001 - Pillow raises about anything on broken files
        return None


def part_lines(relationship: str, relationships: dict[str, Relationship], package: Package) -> list[str]:
    """The text of a diagram or chart; of a chart its titles, and the names of its series and categories."""
    related = relationships.get(relationship)
    if related is None or related.external or related.target not in package:
        return []
    try:
        root = package.xml(related.target)
    except ExtractionFailed:
        return []
    titles = [drawing_paragraph(each) for each in descendants(root, "a:p")]
    names = [value.text or "" for cache in descendants(root, "c:strCache") for value in descendants(cache, "c:v")]
    return [line for line in dict.fromkeys(titles + names) if line.strip()]
