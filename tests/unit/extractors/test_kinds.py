import pytest

from actors.extractors.document import ExtractionOptions
from actors.extractors.kinds import (
    CSV,
    DOCX,
    HTML,
    IMAGE,
    KINDS,
    MAIL,
    MARKDOWN,
    PDF,
    TEXT,
    Kind,
    extractor_for,
    kind_of,
    options_hash,
    work_hash,
)


@pytest.mark.parametrize(
    ("media_type", "extension", "kind"),
    [
        ("application/pdf", ".bin", PDF),
        ("image/tiff", "", IMAGE),
        ("text/markdown", ".md", MARKDOWN),
        ("text/plain", ".csv", TEXT),
        ("text/csv", "", CSV),
        ("application/xhtml+xml", "", HTML),
        ("message/rfc822", ".eml", MAIL),
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
    for kind in KINDS:
        for media_type in kind.media_types:
            assert callable(extractor_for(media_type, ""))
    assert extractor_for("application/zip", ".zip") is None


def test_password_and_time_limit_make_no_other_work() -> None:
    plain = options_hash(ExtractionOptions())
    assert options_hash(ExtractionOptions(password="secret", timeout_seconds=1.0)) == plain
    assert options_hash(ExtractionOptions(ocr="force")) != plain


def test_the_same_bytes_are_other_work_as_another_kind() -> None:
    assert work_hash("h", CSV) != work_hash("h", TEXT)
