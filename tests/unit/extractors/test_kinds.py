import pytest

from actors.extractors.document import ExtractionOptions
from actors.extractors.kinds import DOCX, IMAGE, PDF, TEXT, Kind, extractor_for, kind_of, options_hash


@pytest.mark.parametrize(
    ("media_type", "extension", "kind"),
    [
        ("application/pdf", ".bin", PDF),
        ("image/tiff", "", IMAGE),
        ("text/markdown", ".md", TEXT),
        ("application/octet-stream", ".docx", DOCX),
        ("application/x-ole-storage", ".docx", DOCX),
        ("application/x-ole-storage", ".xls", None),
        ("application/zip", ".pdf", None),
    ],
)
def test_the_media_type_decides_and_the_extension_only_where_it_says_nothing(
    media_type: str, extension: str, kind: Kind | None
) -> None:
    assert kind_of(media_type, extension) == kind


def test_every_kind_has_an_extractor() -> None:
    for media_type in ("application/pdf", "image/png", "text/plain"):
        assert callable(extractor_for(media_type, ""))
    assert extractor_for("application/zip", ".zip") is None


def test_password_and_time_limit_make_no_other_work() -> None:
    plain = options_hash(ExtractionOptions())
    assert options_hash(ExtractionOptions(password="secret", timeout_seconds=1.0)) == plain
    assert options_hash(ExtractionOptions(ocr="force")) != plain
