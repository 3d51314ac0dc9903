"""What comes of an image: what OCR is given, and how its answer fits the image as it is shown."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from actors.extractors import image as image_extractor
from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions
from actors.extractors.extractor import PageFailed, ParseLimits
from actors.extractors.image import normalised
from tests.unit.extractors.fake_ocr import FakeOcr, recognised

ORIENTATION = 0x0112


def read(path: Path, engine: FakeOcr | None = None, limits: ParseLimits | None = None, **options: Any) -> Document:
    limits = limits or ParseLimits()
    return image_extractor.extract(path, ExtractionOptions(**options), limits, engine or FakeOcr(path.parent))


def failure_of(path: Path, limits: ParseLimits | None = None) -> str:
    with pytest.raises(ExtractionFailed) as caught:
        read(path, limits=limits)
    return caught.value.code


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.bmp", "a.gif"])
def test_every_format_is_one_page_in_pixels(tmp_path: Path, name: str) -> None:
    path = saved(Image.new("RGB", (200, 100), "white"), tmp_path / name)
    engine = FakeOcr(tmp_path, lambda _: recognised({"Hello there": (10, 10, 110, 30)}, (200, 100)))
    document = read(path, engine)
    page = document.pages[0]
    assert (page.width, page.height, page.unit, page.source) == (200, 100, "px", "ocr")
    assert document.content == "Hello there"
    assert [word.text for word in page.lines[0].words] == ["Hello", "there"]
    assert engine.told == [(1, 1)]


def test_each_frame_of_a_tiff_is_a_page(tmp_path: Path) -> None:
    frames = [Image.new("1", (60, 40 + 10 * number)) for number in range(3)]
    path = saved(frames[0], tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    engine = FakeOcr(tmp_path, lambda number: recognised({f"frame {number}": (1, 1, 9, 9)}, (60, 40)))
    document = read(path, engine)
    assert [page.height for page in document.pages] == [40, 50, 60]
    assert document.content.split("\n\n") == ["frame 1", "frame 2", "frame 3"]
    assert [page.number for page in read(path, engine, pages="2-").pages] == [2, 3]


def test_only_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    frames = [Image.new("L", (20, 20), shade) for shade in (0, 120, 250)]
    path = saved(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert len(read(path).pages) == 1


def test_places_are_those_of_the_image_as_its_exif_orientation_shows_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = saved(Image.new("RGB", (200, 100)), tmp_path / "a.jpg", exif=exif)
    engine = FakeOcr(tmp_path)
    page = read(path, engine).pages[0]
    assert (page.width, page.height) == (100, 200)
    assert engine.images[0].size == (100, 200)


def test_a_large_image_is_recognised_small_and_measured_large(tmp_path: Path) -> None:
    path = saved(Image.new("RGB", (2000, 1000)), tmp_path / "a.jpg")
    engine = FakeOcr(tmp_path, lambda _: recognised({"word": (10, 10, 20, 20)}, (100, 50)))
    document = read(path, engine, ParseLimits(max_ocr_pixels=5000))
    assert engine.images[0].size == (100, 50)
    assert document.pages[0].lines[0].bbox == (200, 200, 400, 400)


def test_turned_text_is_told_and_keeps_its_place(tmp_path: Path) -> None:
    path = saved(Image.new("L", (100, 200)), tmp_path / "a.png")
    engine = FakeOcr(tmp_path, lambda _: recognised({"upwards": (10, 20, 30, 180)}, (100, 200), rotation=90))
    page = read(path, engine).pages[0]
    assert (page.rotation, page.lines[0].bbox) == (90, (10, 20, 30, 180))


def test_an_image_without_text_says_so(tmp_path: Path) -> None:
    document = read(saved(Image.new("L", (50, 50)), tmp_path / "a.png"))
    assert (document.pages[0].source, document.status) == ("none", "succeeded")
    assert [warning.code for warning in document.warnings] == ["no-text"]


def test_ocr_can_be_forbidden(tmp_path: Path) -> None:
    engine = FakeOcr(tmp_path)
    assert read(saved(Image.new("L", (50, 50)), tmp_path / "a.png"), engine, ocr="never").content == ""
    assert engine.images == []


def test_a_frame_that_is_not_recognised_fails_alone(tmp_path: Path) -> None:
    path = saved(Image.new("L", (50, 50)), tmp_path / "a.png")
    document = read(path, FakeOcr(tmp_path, lambda _: PageFailed("no engine")))
    assert (document.status, document.pages[0].error) == ("partial", "no engine")


def test_pixels_are_counted_before_anything_is_decoded(tmp_path: Path) -> None:
    path = saved(Image.new("1", (3000, 3000)), tmp_path / "a.png")
    assert failure_of(path, ParseLimits(max_image_pixels=1_000_000)) == "image-too-large"


def test_what_pillow_itself_takes_for_a_bomb_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(Image.new("1", (300, 300)), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert failure_of(path) == "image-too-large"


def test_too_many_frames_are_refused(tmp_path: Path) -> None:
    frames = [Image.new("1", (10, 10))] * 3
    path = saved(frames[0], tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    assert failure_of(path, ParseLimits(max_pages=2)) == "too-many-pages"


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\x00"])
def test_what_is_no_image_is_corrupt(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert failure_of(path) == "corrupt-file"


def test_an_image_cut_short_is_corrupt(tmp_path: Path) -> None:
    noise = Image.effect_noise((200, 200), 90)
    path = saved(noise, tmp_path / "a.jpg")
    path.write_bytes(path.read_bytes()[:2000])
    assert failure_of(path) == "corrupt-file"


def two_frames(path: Path) -> Path:
    frames = [Image.effect_noise((40, 40), 90) for _ in range(2)]
    return saved(frames[0], path, save_all=True, append_images=frames[1:])


def test_a_frame_cut_short_fails_alone(tmp_path: Path) -> None:
    path = two_frames(tmp_path / "a.tif")
    path.write_bytes(path.read_bytes()[:-600])
    document = read(path)
    assert (document.status, [page.error for page in document.pages]) == ("partial", [None, "not drawn"])


def test_a_tiff_that_leads_nowhere_is_corrupt(tmp_path: Path) -> None:
    path = two_frames(tmp_path / "a.tif")
    content = bytearray(path.read_bytes())
    directory = int.from_bytes(content[4:8], "little")
    entries = int.from_bytes(content[directory : directory + 2], "little")
    link = directory + 2 + 12 * entries
    content[link : link + 4] = (len(content) + 1000).to_bytes(4, "little")
    path.write_bytes(content)
    assert failure_of(path) == "corrupt-file"


def test_sixteen_bits_are_spread_over_eight() -> None:
    wide = Image.new("I;16", (2, 1))
    wide.putpixel((0, 0), 1000)
    wide.putpixel((1, 0), 3000)
    narrow = normalised(wide)
    assert (narrow.mode, narrow.getpixel((0, 0)), narrow.getpixel((1, 0))) == ("L", 0, 255)


def test_sixteen_bits_of_one_shade_are_a_blank_page() -> None:
    assert normalised(Image.new("I;16", (2, 2), 700)).getextrema() == (255, 255)


@pytest.mark.parametrize(("ink", "background"), [((0, 0, 0), (255, 255, 255)), ((255, 255, 255), (0, 0, 0))])
def test_what_is_transparent_becomes_what_the_text_can_be_read_on(
    ink: tuple[int, int, int], background: tuple[int, int, int]
) -> None:
    image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    image.paste((*ink, 255), (0, 0, 5, 5))
    shown = normalised(image)
    assert (shown.mode, shown.getpixel((1, 1)), shown.getpixel((9, 9))) == ("RGB", ink, background)


@pytest.mark.parametrize(
    ("mode", "expected"), [("CMYK", "RGB"), ("P", "RGB"), ("1", "L"), ("L", "L"), ("YCbCr", "RGB")]
)
def test_every_mode_becomes_grey_or_colour(mode: str, expected: str) -> None:
    assert normalised(Image.new(mode, (4, 4))).mode == expected
