"""The straight lines drawn on a PDF page, level and plumb ones: what ruled tables are made of."""

import ctypes
from collections.abc import Iterator
from itertools import pairwise

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from actors.extractors.document import Box
from actors.extractors.pdf.geometry import PageGeometry
from actors.extractors.ruled_tables import Rules

_THIN = 2.5
"""Points up to which a filled rectangle is a line."""
_SHORTEST = 5.0
_MAX_OBJECTS = 5000
_MAX_SEGMENTS = 200
_MAX_DEPTH = 3

Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
Point = tuple[float, float]


def rules_on(page: pdfium.PdfPage, geometry: PageGeometry) -> Rules:
    """Lines, edges of outlined rectangles, and rectangles so thin that they are lines."""
    rules = Rules()
    count = min(pdfium_c.FPDFPage_CountObjects(page), _MAX_OBJECTS)
    objects = (pdfium_c.FPDFPage_GetObject(page, index) for index in range(count))
    for box in _straight_lines(objects, _IDENTITY, 0):
        _add(rules, geometry.box(*box))
    return rules


def _add(rules: Rules, box: Box) -> None:
    x0, y0, x1, y1 = box
    if y1 - y0 <= _THIN and x1 - x0 >= _SHORTEST:
        rules.level.append(((y0 + y1) / 2, x0, x1))
    elif x1 - x0 <= _THIN and y1 - y0 >= _SHORTEST:
        rules.plumb.append(((x0 + x1) / 2, y0, y1))


def _straight_lines(objects: Iterator[pdfium_c.FPDF_PAGEOBJECT], outer: Matrix, depth: int) -> Iterator[Box]:
    for raw in objects:
        kind = pdfium_c.FPDFPageObj_GetType(raw)
        if kind == pdfium_c.FPDF_PAGEOBJ_PATH:
            yield from _lines_of_path(raw, _combined(_matrix(raw), outer))
        if kind == pdfium_c.FPDF_PAGEOBJ_FORM and depth < _MAX_DEPTH:
            count = min(pdfium_c.FPDFFormObj_CountObjects(raw), _MAX_OBJECTS)
            inner = (pdfium_c.FPDFFormObj_GetObject(raw, index) for index in range(count))
            yield from _straight_lines(inner, _combined(_matrix(raw), outer), depth + 1)


def _lines_of_path(raw: pdfium_c.FPDF_PAGEOBJECT, matrix: Matrix) -> Iterator[Box]:
    """Boxes, in PDF user space, of a stroked path's edges or of a filled one; what is neither, PDFium drops."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium_c.FPDFPath_GetDrawMode(raw, fill, stroke)
    for line in _polylines(raw, matrix):
        if stroke.value:
            yield from (_box([start, end]) for start, end in pairwise(line))
        else:
            yield _box(line)


def _polylines(raw: pdfium_c.FPDF_PAGEOBJECT, matrix: Matrix) -> Iterator[list[Point]]:
    """Parts of the path that consist of straight segments only."""
    line: list[Point] = []
    straight = True
    for index in range(min(pdfium_c.FPDFPath_CountSegments(raw), _MAX_SEGMENTS)):
        segment = pdfium_c.FPDFPath_GetPathSegment(raw, index)
        kind = pdfium_c.FPDFPathSegment_GetType(segment)
        if kind == pdfium_c.FPDF_SEGMENT_MOVETO:
            if straight and len(line) > 1:
                yield line
            line, straight = [], True
        straight = straight and kind != pdfium_c.FPDF_SEGMENT_BEZIERTO
        line.append(_point(segment, matrix))
        if pdfium_c.FPDFPathSegment_GetClose(segment):
            line.append(line[0])
    if straight and len(line) > 1:
        yield line


def _point(segment: pdfium_c.FPDF_PATHSEGMENT, matrix: Matrix) -> Point:
    x, y = ctypes.c_float(), ctypes.c_float()
    pdfium_c.FPDFPathSegment_GetPoint(segment, x, y)
    a, b, c, d, e, f = matrix
    return a * x.value + c * y.value + e, b * x.value + d * y.value + f


def _matrix(raw: pdfium_c.FPDF_PAGEOBJECT) -> Matrix:
    matrix = pdfium_c.FS_MATRIX()
    pdfium_c.FPDFPageObj_GetMatrix(raw, matrix)
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _combined(inner: Matrix, outer: Matrix) -> Matrix:
    a, b, c, d, e, f = inner
    oa, ob, oc, od, oe, of = outer
    return (
        a * oa + b * oc,
        a * ob + b * od,
        c * oa + d * oc,
        c * ob + d * od,
        e * oa + f * oc + oe,
        e * ob + f * od + of,
    )


def _box(points: list[Point]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)
