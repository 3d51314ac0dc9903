"""Where shapes stand on a slide, in points; groups have coordinates of their own (ECMA-376, part 1, 20.1.7)."""

import math
from dataclasses import dataclass
from typing import Self

from actors.extractors.document import Box
from actors.extractors.office.xml_tree import Element, child, whole_number

EMU_PER_POINT = 12_700
_ROTATION_PER_DEGREE = 60_000


@dataclass(frozen=True, slots=True)
class Frame:
    """How a group's coordinates lie on the slide: scaled, then moved; in English Metric Units (EMU)."""

    scale_x: float = 1.0
    scale_y: float = 1.0
    left: float = 0.0
    top: float = 0.0

    def of_group(self, transform: Element | None) -> Self:
        """The coordinates of what is in the group with that `a:xfrm`; a group without one has none of its own."""
        inner = _rectangle(transform, "a:chOff", "a:chExt")
        outer = _rectangle(transform, "a:off", "a:ext")
        if inner is None or outer is None or not inner[2] or not inner[3]:
            return self
        scale_x, scale_y = outer[2] / inner[2], outer[3] / inner[3]
        return type(self)(
            self.scale_x * scale_x,
            self.scale_y * scale_y,
            self.left + self.scale_x * (outer[0] - inner[0] * scale_x),
            self.top + self.scale_y * (outer[1] - inner[1] * scale_y),
        )

    def box(self, transform: Element | None) -> Box | None:
        """Around the shape with that transform, turned as it is; in points. None where it does not say."""
        rectangle = _rectangle(transform, "a:off", "a:ext")
        if transform is None or rectangle is None:
            return None
        x, y, width, height = rectangle
        angle = math.radians((whole_number(transform.get("rot")) or 0) / _ROTATION_PER_DEGREE)
        cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
        half_width, half_height = (width * cosine + height * sine) / 2, (width * sine + height * cosine) / 2
        middle_x, middle_y = x + width / 2, y + height / 2
        return (
            (self.left + self.scale_x * (middle_x - half_width)) / EMU_PER_POINT,
            (self.top + self.scale_y * (middle_y - half_height)) / EMU_PER_POINT,
            (self.left + self.scale_x * (middle_x + half_width)) / EMU_PER_POINT,
            (self.top + self.scale_y * (middle_y + half_height)) / EMU_PER_POINT,
        )


def _rectangle(transform: Element | None, offset: str, extent: str) -> tuple[int, int, int, int] | None:
    place, size = child(transform, offset), child(transform, extent)
    if place is None or size is None:
        return None
    numbers = [whole_number(place.get("x")), whole_number(place.get("y"))]
    numbers += [whole_number(size.get("cx")), whole_number(size.get("cy"))]
    x, y, width, height = (number or 0 for number in numbers)
    return x, y, abs(width), abs(height)
