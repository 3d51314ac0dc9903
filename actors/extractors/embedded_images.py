"""Pictures inside of documents: what they are and how large, without decoding them."""

import io
import posixpath
import warnings

from PIL import Image as Pillow

from actors.extractors.document import Box, Image

HEAD_BYTES = 256 * 2**10
"""Where an image file says how large it is; JPEG may have that much before it."""
MAX_IMAGES = 2000
"""Pictures of one document that are listed."""
_MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "tif": "image/tiff",
    "svg": "image/svg+xml",
    **{kind: f"image/{kind}" for kind in ("png", "jpeg", "gif", "bmp", "tiff", "webp", "emf", "wmf")},
}


def media_type_of(name: str) -> str:
    """By the name of the picture's file."""
    extension = posixpath.splitext(name)[1].lstrip(".").casefold()
    return _MEDIA_TYPES.get(extension, "application/octet-stream")


def embedded_image(
    head: bytes, media_type: str, shown: tuple[int, int] = (0, 0), page: int = 1, bbox: Box | None = None
) -> Image:
    """`head` are its first `HEAD_BYTES`; `shown` is how large it is shown, in pixels, for one that does not say."""
    width, height = _size(head) or shown
    return Image("", page, width, height, media_type, bbox)


def _size(head: bytes) -> tuple[int, int] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Pillow.open(io.BytesIO(head), formats=("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")) as image:
                return image.size
    except Exception:  # noqa: BLE001 - Pillow raises about anything on broken files
        return None
