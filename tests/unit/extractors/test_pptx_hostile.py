"""Presentations that are broken or mean harm."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msoffcrypto.format.ooxml import OOXMLFile

from actors.extractors.document import ExtractionFailed, ExtractionOptions
from tests.unit.extractors.pptx_files import para, read, slide, sp, write_pptx

SECRET_READER = '<!DOCTYPE p:sld [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'


def refused(path: Path, options: ExtractionOptions | None = None) -> str:
    with pytest.raises(ExtractionFailed) as failure:
        read(path, options)
    return failure.value.code


def test_one_broken_slide_is_only_that_slide(tmp_path: Path) -> None:
    slides = [slide(sp(para("one"))), SECRET_READER + slide(sp(para("&secret;"))), "<p", slide(sp(para("four")))]

    document = read(write_pptx(tmp_path / "sample.pptx", slides))

    assert (document.content, document.status) == ("one\n\nfour", "partial")
    assert [page.error for page in document.pages] == [None, *["The slide cannot be read."] * 2, None]


@pytest.mark.parametrize("broken", ["<x/>", "", SECRET_READER + slide("")])
def test_a_presentation_without_a_readable_slide_is_corrupt(tmp_path: Path, broken: str) -> None:
    assert refused(write_pptx(tmp_path / "sample.pptx", [broken])) == "corrupt-file"


def test_a_slide_that_is_listed_and_not_there_is_an_error_of_its_page(tmp_path: Path) -> None:
    path = write_pptx(
        tmp_path / "sample.pptx",
        [slide(sp(para("one"))), slide("")],
        {
            "ppt/_rels/presentation.xml.rels": (
                '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
                '<Relationship Id="s1" Type="x/slide" Target="slides/slide1.xml"/></Relationships>'
            )
        },
    )

    assert [page.error for page in read(path).pages] == [None, "The slide cannot be read."]


def test_another_office_document_is_no_presentation(tmp_path: Path) -> None:
    assert refused(write_pptx(tmp_path / "sample.pptx", [], {"ppt/presentation.xml": "<x/>"})) == "corrupt-file"


def test_a_presentation_without_slides_is_empty(tmp_path: Path) -> None:
    document = read(write_pptx(tmp_path / "sample.pptx", []))

    assert (document.pages, document.properties.page_count) == ([], 0)


def test_a_password_opens_what_it_closed(tmp_path: Path) -> None:
    # An OLE file keeps streams below 4,096 bytes elsewhere, where the library does not look.
    filler = {"ppt/media/filler.png": os.urandom(5000)}
    path = write_pptx(tmp_path / "sample.pptx", [slide(sp(para("secret plan")))], filler)
    plain, closed = io.BytesIO(path.read_bytes()), io.BytesIO()
    OOXMLFile(plain).encrypt("right", closed)
    path.write_bytes(closed.getvalue())

    assert refused(path) == "password-required"
    assert refused(path, ExtractionOptions(password="wrong")) == "wrong-password"
    assert read(path, ExtractionOptions(password="right")).content == "secret plan"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_damaged_byte_is_read_over_or_refused(tmp_path: Path, position: int, value: int) -> None:
    path = write_pptx(tmp_path / "sample.pptx", [slide(sp(para("Some text") * 5))] * 2)
    data = bytearray(path.read_bytes())
    data[position % len(data)] = value
    path.write_bytes(data)

    try:
        read(path)
    except ExtractionFailed as failure:
        assert failure.code == "corrupt-file"  # noqa: PT017 - either outcome is right
