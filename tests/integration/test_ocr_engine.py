"""Real PaddleOCR with the bundled weights reads pages whichever way they lie."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from actors import ocr_models
from actors.ocr_engine import OcrEngine
from actors.ocr_models import OcrModelsInvalid, bundled_models

SENTENCES = (
    "The quick brown fox jumps over the lazy dog",
    "Invoice 4711 is due on the 31st of January",
    "Pack my box with five dozen liquor jugs",
)
PRICES = ("Total", "1,234.50")


def page() -> Image.Image:
    image = Image.new("L", (1000, 420), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(36)
    for index, sentence in enumerate(SENTENCES):
        draw.text((60, 40 + 80 * index), sentence, fill=0, font=font)
    draw.text((60, 300), PRICES[0], fill=0, font=font)
    draw.text((760, 300), PRICES[1], fill=0, font=font)
    return image


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ocr-cache")


@pytest.fixture(scope="module")
def engine(cache: Path) -> OcrEngine:
    return OcrEngine(cache)


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_text_is_read_whichever_way_the_page_lies(engine: OcrEngine, tmp_path: Path, turned: int) -> None:
    path = tmp_path / "page.png"
    image = page().rotate(turned, expand=True)
    image.save(path)
    found = engine.recognise(path)
    assert (found.width, found.height) == image.size
    assert found.rotation == turned
    read = [line.text for line in found.lines]
    assert read[: len(SENTENCES)] == list(SENTENCES)
    assert " ".join(read[len(SENTENCES) :]).split() == list(PRICES)
    assert all(line.confidence > 0.9 for line in found.lines)


def test_places_are_those_of_the_image_as_it_was_given(engine: OcrEngine, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    page().rotate(90, expand=True).save(path)
    first = engine.recognise(path).lines[0]
    x0, y0, x1, y1 = first.bbox
    assert x1 - x0 < y1 - y0
    assert (x0, y1) == pytest.approx((40, 940), abs=15)
    assert len(first.positions) == len(first.text)
    assert list(first.positions) == sorted(first.positions)


def test_a_page_without_text_is_empty(engine: OcrEngine, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    Image.new("L", (300, 300), 255).save(path)
    assert engine.recognise(path).lines == ()


def test_an_image_larger_than_any_page_is_refused(engine: OcrEngine, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    Image.new("1", (7000, 7000)).save(path)
    with pytest.raises(ValueError, match="larger"):
        engine.recognise(path)


def test_another_model_folder_is_used_when_one_is_named(engine: OcrEngine, cache: Path, tmp_path: Path) -> None:
    assert engine is not None  # it has built the models
    (folder,) = cache.glob("ocr-models-*")
    other = OcrEngine(tmp_path, model_folder=folder)
    path = tmp_path / "page.png"
    page().save(path)
    assert other.recognise(path).lines[0].text == SENTENCES[0]


def test_models_are_built_once_and_whoever_comes_second_uses_them(cache: Path, engine: OcrEngine) -> None:
    assert engine is not None
    (folder,) = cache.glob("ocr-models-*")
    before = bundled_models(cache)
    ocr_models._build(folder)  # a process that began before the folder was there
    assert bundled_models(cache) == before
    assert [each.name for each in cache.glob(".ocr-models-*")] == []


def test_a_cache_that_cannot_be_written_is_no_silent_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((OSError, OcrModelsInvalid)):
        bundled_models(tmp_path / "file")
