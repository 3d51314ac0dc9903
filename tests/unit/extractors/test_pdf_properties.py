"""What a PDF states about itself, and its form."""

from pathlib import Path

import pypdf
import pytest

from actors.extractors.document import ExtractionOptions, ExtractionWarning, FormField
from actors.extractors.extractor import ParseLimits
from actors.extractors.pdf import extraction as pdf_extractor
from actors.extractors.pdf.properties import form_fields_of, pdf_time
from tests.unit.extractors.fake_ocr import FakeOcr
from tests.unit.extractors.pdf_files import new_pdf, raw_pdf, stream, written

LOOK = stream(
    "/Tx BMC BT /F 12 Tf 2 4 Td (seen value) Tj ET EMC",
    "/Subtype /Form /BBox [0 0 100 20] "
    "/Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>",
)


def form(path: Path, fields: list[str], more: str = "") -> Path:
    """A page with a form; each field is its own widget. Object 5 is the look of a text field."""
    numbers = [6 + index for index in range(len(fields))]
    references = " ".join(f"{number} 0 R" for number in numbers)
    return raw_pdf(
        path,
        [
            f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{references}] {more} >> >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R /Annots [{references}] >>",
            stream(""),
            LOOK,
            *(f"<< /Type /Annot /Subtype /Widget /Rect [10 10 110 30] /F 4 {field} >>" for field in fields),
        ],
    )


def fields_of(path: Path) -> list[FormField]:
    warnings: list[ExtractionWarning] = []
    fields = form_fields_of(path, None, warnings)
    assert warnings == []
    return fields


def test_fields_have_their_values_by_kind(tmp_path: Path) -> None:
    path = form(
        tmp_path / "a.pdf",
        [
            "/T (name) /FT /Tx /V (Ada)",
            "/T (nothing) /FT /Tx",
            "/T (agreed) /FT /Btn /V /Yes",
            "/T (declined) /FT /Btn /V /Off",
            "/T (colour) /FT /Btn /Ff 32768 /V /Red",
            "/T (press) /FT /Btn /Ff 65536",
            "/T (many) /FT /Ch /V [(one) (two)]",
            "/T (signed) /FT /Sig /V << /Type /Sig >>",
            "/T (odd) /FT /Zz /V << /A 1 >>",
            "/T (kindless)",
        ],
    )
    assert fields_of(path) == [
        FormField("name", "text", "Ada", 1),
        FormField("nothing", "text", None, 1),
        FormField("agreed", "checkbox", True, 1),
        FormField("declined", "checkbox", False, 1),
        FormField("colour", "radio", "Red", 1),
        FormField("many", "choice", ["one", "two"], 1),
        FormField("signed", "signature", None, 1),
        FormField("odd", "unknown", "", 1),
    ]


def test_a_field_inherits_from_those_above_it(tmp_path: Path) -> None:
    path = raw_pdf(
        tmp_path / "a.pdf",
        [
            "<< /Type /Catalog /Pages 2 0 R /AcroForm 4 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] >>",
            "<< /Fields [5 0 R 8 0 R] >>",
            "<< /T (person) /FT /Tx /V (someone) /Kids [6 0 R 7 0 R] >>",
            "<< /T (first) /Parent 5 0 R >>",
            "<< /T (last) /Parent 5 0 R /V 9 0 R >>",
            "(no dictionary)",
            stream("Lovelace"),
        ],
    )
    assert fields_of(path) == [
        FormField("person.first", "text", "someone", None),
        FormField("person.last", "text", "Lovelace", None),
    ]


def test_fields_within_one_another_without_end_are_cut_off(tmp_path: Path) -> None:
    path = form(tmp_path / "a.pdf", ["/T (loop) /FT /Tx /Kids [6 0 R]"])
    assert fields_of(path) == []


@pytest.mark.parametrize("root", ["", "/AcroForm (none)"])
def test_a_file_without_a_form_has_no_fields(tmp_path: Path, root: str) -> None:
    path = raw_pdf(
        tmp_path / "a.pdf",
        [f"<< /Type /Catalog /Pages 2 0 R {root} >>", "<< /Type /Pages /Kids [] /Count 0 >>"],
    )
    assert fields_of(path) == []


def test_a_form_that_cannot_be_read_leaves_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"no pdf")
    warnings: list[ExtractionWarning] = []
    assert form_fields_of(path, None, warnings) == []
    assert [warning.code for warning in warnings] == ["form-unreadable"]


def test_a_form_that_needs_all_memory_ends_the_parse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhaust(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pypdf, "PdfReader", exhaust)
    with pytest.raises(MemoryError):
        form_fields_of(tmp_path / "a.pdf", None, [])


def test_values_of_fields_stand_in_the_text_where_they_are_seen(tmp_path: Path) -> None:
    path = form(tmp_path / "a.pdf", ["/T (name) /FT /Tx /V (seen value) /AP << /N 5 0 R >>"])
    document = pdf_extractor.extract(path, ExtractionOptions(), ParseLimits(), FakeOcr(tmp_path))
    assert document.content == "seen value"
    assert document.form_fields == [FormField("name", "text", "seen value", 1)]


def test_links_and_notes_are_not_made_text(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.text(50, 50, "visible")
    pdf.link(50, 50, 10, 10, "https://example.org")
    document = pdf_extractor.extract(
        written(pdf, tmp_path / "a.pdf"), ExtractionOptions(), ParseLimits(), FakeOcr(tmp_path)
    )
    assert document.content == "visible"


@pytest.mark.parametrize(
    ("written_as", "expected"),
    [
        ("D:20260131123059+01'30'", "2026-01-31T12:30:59+01:30"),
        ("D:20260131123059-05", "2026-01-31T12:30:59-05:00"),
        ("D:20260131123059Z", "2026-01-31T12:30:59Z"),
        ("D:2026", "2026-01-01T00:00:00Z"),
        ("20260131", "2026-01-31T00:00:00Z"),
        ("yesterday", None),
        ("D:20261301", None),
        ("D:20260132", None),
        ("D:20260230", None),
        ("D:20260131256059", None),
    ],
)
def test_dates_become_rfc_3339(written_as: str, expected: str | None) -> None:
    assert pdf_time(written_as) == expected
