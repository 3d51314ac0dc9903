"""Which OCR weights are used, and that no others are."""

from pathlib import Path

import pytest

from actors.ocr_models import DETECTION, OcrModelsInvalid, Weights, bundled_models, models_in

NAMES = ("PP-OCRv6_small_det", "PP-OCRv6_small_rec", "PP-LCNet_x1_0_textline_ori")


def model(folder: Path, name: str) -> None:
    place = folder / name.lower()
    place.mkdir()
    (place / "inference.yml").write_text(f"Global:\n  model_name: {name}\n", encoding="utf-8")


def test_models_are_told_apart_by_the_name_they_state(tmp_path: Path) -> None:
    for name in NAMES:
        model(tmp_path, name)
    models = models_in(tmp_path)
    found = (models.detection.name, models.recognition.name, models.line_orientation.name)
    assert found == NAMES
    assert models.recognition.folder == tmp_path / "pp-ocrv6_small_rec"


def test_a_folder_that_lacks_a_model_is_refused(tmp_path: Path) -> None:
    for name in NAMES[:2]:
        model(tmp_path, name)
    with pytest.raises(OcrModelsInvalid, match="_textline_ori"):
        models_in(tmp_path)


def test_weights_that_are_not_installed_are_refused() -> None:
    with pytest.raises(OcrModelsInvalid, match="not installed"):
        Weights("no_such_package", "a.onnx", "").path()


def test_a_module_is_no_package_with_weights() -> None:
    with pytest.raises(OcrModelsInvalid, match="not installed"):
        Weights("this", "a.onnx", "").path()


def test_weights_of_other_content_are_refused() -> None:
    with pytest.raises(OcrModelsInvalid, match="not the file it should be"):
        Weights(DETECTION.package, DETECTION.file, "0" * 64).path()


def test_models_that_cannot_be_put_in_place_leave_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.rename", full)
    with pytest.raises(OSError, match="No space left"):
        bundled_models(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
