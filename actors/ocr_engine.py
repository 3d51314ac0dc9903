"""Text on the image of a page, by PaddleOCR on ONNX Runtime."""

import logging
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from actors.extractors.document import RecognisedLine, RecognisedPage
from actors.ocr_lines import PlacedText, PlacingRecogniser
from actors.ocr_models import OcrModels, bundled_models, models_in

Pixels = npt.NDArray[np.uint8]

# Measured best on CPU; detection thresholds are PP-OCRv6's own.
_DETECTION_MIN_SIDE = 736
"""Smaller images are enlarged to it before detection."""
_DETECTION_MAX_SIDE = 1280
"""Larger ones are reduced to it; recognition reads the lines from the full image."""
_MAX_PIXELS = 40_000_000
_MIN_CONFIDENCE = 0.5
"""Lines below it are mostly texture taken for text."""
_DOUBTFUL = 0.9
"""A page read with less confidence may be upside down."""
_SAMPLE_LINES = 16
"""Lines whose orientation is looked at, the longest first."""
_ONNX_ERRORS = 3
_TALL = 1.5
"""Height against width from which PaddleOCR turns a line by a quarter before it reads it."""


class OcrEngine:
    """Recognises one page at a time on one thread; not thread-safe: one instance a process."""

    def __init__(self, cache: Path, model_folder: Path | None = None, threads: int = 1) -> None:
        """`model_folder` holds model directories to use instead of the bundled ones, which are built below `cache`.

        Raises OcrModelsInvalid when there are no usable weights.
        """
        models = models_in(model_folder) if model_folder else bundled_models(cache)
        self._ocr = _paddle_ocr(models, threads, cache)
        self._pipeline = self._ocr.paddlex_pipeline._pipeline  # noqa: SLF001 - no public way to its parts in 3.7
        self._pipeline.text_det_max_side_limit = _DETECTION_MAX_SIDE
        self._pipeline.text_rec_model = PlacingRecogniser(self._pipeline.text_rec_model)

    def recognise(self, image_path: Path) -> RecognisedPage:
        """The lines of a page image, wherever its top is; coordinates are those of the image as it was given."""
        pixels = read_pixels(image_path)
        found = self._read(pixels)
        turns = self._turns(pixels, found)
        if turns:
            found = self._read(np.ascontiguousarray(np.rot90(pixels, turns)))
        height, width = pixels.shape[:2]
        lines = (_line(each, turns, width, height) for each in found if each.confidence >= _MIN_CONFIDENCE)
        # `turns` counts quarters against the clock that put the page upright.
        return RecognisedPage(width, height, tuple(lines), rotation=-90 * turns % 360)

    def _read(self, pixels: Pixels) -> list["_Found"]:
        result = self._ocr.predict(pixels, use_textline_orientation=False)[0]
        return [
            _Found(text.spaced(), float(score), np.asarray(polygon, dtype=float))
            for text, score, polygon in zip(result["rec_texts"], result["rec_scores"], result["rec_polys"], strict=True)
            if text.strip()
        ]

    def _turns(self, pixels: Pixels, found: list["_Found"]) -> int:
        """Quarter turns, against the clock, that put the page upright."""
        sample = sorted(found, key=lambda each: -each.length)[:_SAMPLE_LINES]
        if not sample:
            return 0
        sideways = sum(each.is_tall for each in sample) > len(sample) / 2
        if not sideways and statistics.fmean(each.confidence for each in sample) >= _DOUBTFUL:
            return 0
        fitting = [each for each in sample if each.is_tall == sideways]
        upside_down = self._are_upside_down(pixels, fitting)
        if sideways:
            return 3 if upside_down else 1
        return 2 if upside_down else 0

    def _are_upside_down(self, pixels: Pixels, sample: Sequence["_Found"]) -> bool:
        """What most lines say, as they are read: tall ones after a quarter turn against the clock."""
        crops = list(self._pipeline._crop_by_polys(pixels, [each.polygon for each in sample]))  # noqa: SLF001
        votes = [int(np.ravel(vote["class_ids"])[0]) for vote in self._pipeline.textline_orientation_model(crops)]
        return sum(votes) > len(votes) / 2


class _Found:
    """A line in the image that was read."""

    def __init__(self, text: PlacedText, confidence: float, polygon: npt.NDArray[np.float64]) -> None:
        self.text, self.confidence, self.polygon = text, confidence, polygon

    @property
    def _sides(self) -> tuple[float, float]:
        """Width and height, as PaddleOCR measures them to cut the line out."""
        a, b, c, d = self.polygon
        width = max(np.linalg.norm(a - b), np.linalg.norm(c - d))
        height = max(np.linalg.norm(a - d), np.linalg.norm(b - c))
        return float(width), float(height)

    @property
    def length(self) -> float:
        return max(self._sides)

    @property
    def is_tall(self) -> bool:
        width, height = self._sides
        return height >= _TALL * width


def _line(found: _Found, turns: int, width: int, height: int) -> RecognisedLine:
    corners = tuple(_turned_back(float(x), float(y), turns, width, height) for x, y in found.polygon)
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return RecognisedLine(
        text=str(found.text),
        bbox=(min(xs), min(ys), max(xs), max(ys)),
        confidence=found.confidence,
        polygon=corners,
        positions=found.text.positions,
    )


def _turned_back(x: float, y: float, turns: int, width: int, height: int) -> tuple[float, float]:
    """A point of the image turned by `turns` quarters against the clock, in the image as it was."""
    match turns:
        case 1:
            return width - y, x
        case 2:
            return width - x, height - y
        case 3:
            return y, height - x
        case _:
            return x, y


def read_pixels(image_path: Path) -> Pixels:
    """Contiguous BGR bytes: the one form of input that PaddleOCR takes safely."""
    with Image.open(image_path) as image:
        if image.width * image.height > _MAX_PIXELS:
            raise ValueError("the page image is larger than OCR takes")
        rgb = np.asarray(image.convert("RGB"))
    return np.ascontiguousarray(rgb[..., ::-1])


def _paddle_ocr(models: OcrModels, threads: int, cache: Path) -> Any:
    # Read when paddlex is imported; it writes there and nowhere else.
    os.environ.setdefault("PADDLE_PDX_CACHE_HOME", str(cache / "paddlex"))
    import onnxruntime
    from paddleocr import PaddleOCR

    logging.getLogger("paddlex").setLevel(logging.ERROR)  # it warns of every page that it reduces
    onnxruntime.set_default_logger_severity(_ONNX_ERRORS)
    return PaddleOCR(
        engine="onnxruntime",
        engine_config={
            "intra_op_num_threads": threads,
            "inter_op_num_threads": 1,
            "enable_cpu_mem_arena": False,
        },
        device="cpu",
        text_detection_model_name=models.detection.name,
        text_detection_model_dir=str(models.detection.folder),
        text_recognition_model_name=models.recognition.name,
        text_recognition_model_dir=str(models.recognition.folder),
        textline_orientation_model_name=models.line_orientation.name,
        textline_orientation_model_dir=str(models.line_orientation.folder),
        text_recognition_batch_size=1,
        text_det_limit_side_len=_DETECTION_MIN_SIDE,
        text_det_limit_type="min",
        text_det_thresh=0.2,
        text_det_box_thresh=0.45,
        text_det_unclip_ratio=1.4,
        use_doc_orientation_classify=False,
        use_doc_unwarping=False,
        use_textline_orientation=True,
    )
