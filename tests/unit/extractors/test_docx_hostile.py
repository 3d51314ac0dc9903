"""Files that are broken or mean harm: refused in bounded time, and nothing outside them is ever read."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.extractors.document import ExtractionFailed
from actors.extractors.office import package
from actors.extractors.office.package import Package
from actors.extractors.office.xml_tree import parse_xml, whole_number
from tests.unit.extractors.docx_files import p, r, read, read_body, relationships, root, write_docx, write_parts

BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)


def refused(path: Path) -> str:
    with pytest.raises(ExtractionFailed) as failure:
        read(path)
    assert str(path) not in failure.value.message
    return failure.value.code


@pytest.mark.parametrize(
    "xml",
    [
        BOMB + "<x>&c;</x>",
        BOMB + '<x y="&c;"/>',
        '<!DOCTYPE x SYSTEM "http://example.test/x.dtd"><x/>',
        "<!DOCTYPE x><x/>",
        "<x>&undefined;</x>",
        "<x>",
        "",
        "\x00",
        "<x>" * 300 + "</x>" * 300,
    ],
)
def test_xml_with_entities_a_document_type_or_no_sense_is_refused(xml: str) -> None:
    with pytest.raises(ExtractionFailed) as failure:
        parse_xml(xml.encode())

    assert failure.value.code == "corrupt-file"


@pytest.mark.parametrize("part", ["document.xml", "styles", "numbering", "settings", "footnotes", "header1"])
def test_an_entity_reads_no_file_in_any_part(tmp_path: Path, part: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root:x:0:0")
    entity = f'<!DOCTYPE w:x [<!ENTITY secret SYSTEM "file://{secret}">]>'
    attack = root("w:document", "<w:body><w:p><w:r><w:t>&secret;</w:t></w:r></w:p></w:body>").replace(
        "<w:document", entity + "<w:document"
    )
    body = (
        '<w:p><w:r><w:footnoteReference w:id="1"/></w:r></w:p><w:sectPr><w:headerReference r:id="header1"/></w:sectPr>'
    )

    assert refused(write_docx(tmp_path / "sample.docx", body, {part: attack})) == "corrupt-file"


def test_a_document_type_in_the_properties_never_reaches_python_docx(tmp_path: Path) -> None:
    rels = relationships({"main": ("officeDocument", "word/document.xml"), "core": ("core-properties", "core.xml")})
    path = write_parts(
        tmp_path / "sample.docx",
        {"_rels/.rels": rels, "word/document.xml": root("w:document", "<w:body/>"), "core.xml": "<!DOCTYPE x><x/>"},
    )

    assert refused(path) == "corrupt-file"


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"no zip at all", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)]
)
def test_what_is_no_package_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "sample.docx"
    path.write_bytes(data)

    assert refused(path) == "corrupt-file"


def test_a_zip_without_a_document_is_refused(tmp_path: Path) -> None:
    assert refused(write_parts(tmp_path / "sample.docx", {"hello.txt": "x"})) == "corrupt-file"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_damaged_byte_is_read_over_or_refused(tmp_path: Path, position: int, value: int) -> None:
    path = write_docx(tmp_path / "sample.docx", p("Some text") * 20)
    data = bytearray(path.read_bytes())
    data[position % len(data)] = value
    path.write_bytes(data)

    try:
        read(path)
    except ExtractionFailed as failure:
        assert failure.code == "corrupt-file"  # noqa: PT017 - either outcome is right


def test_a_part_whose_checksum_is_wrong_is_refused(tmp_path: Path) -> None:
    path = write_docx(tmp_path / "sample.docx", p("Some text"))
    data = bytearray(path.read_bytes())
    name = data.rindex(b"word/document.xml")  # in the directory, 46 bytes into its record
    data[name - 46 + 16] ^= 0xFF
    path.write_bytes(data)

    assert refused(path) == "corrupt-file"


def test_a_part_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_docx(tmp_path / "sample.docx", p("x" * 50_000))
    monkeypatch.setattr(package, "MAX_PART_BYTES", 10_000)

    assert refused(path) == "corrupt-file"


def test_a_part_that_was_packed_too_well_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_docx(tmp_path / "sample.docx", p("x" * 500_000))
    monkeypatch.setattr(package, "_RATIO_COUNTS_FROM", 1000)

    assert refused(path) == "corrupt-file"


def test_parts_that_together_are_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_docx(tmp_path / "sample.docx", p("x"))
    monkeypatch.setattr(package, "MAX_TOTAL_BYTES", 1500)

    assert refused(path) == "corrupt-file"


def test_nothing_more_is_read_once_it_was_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Package(write_parts(tmp_path / "sample.zip", {"a": "x" * 100, "b": "x"}))
    monkeypatch.setattr(package, "MAX_TOTAL_BYTES", 50)

    for name in ("a", "b"):
        with pytest.raises(ExtractionFailed):
            opened.part(name)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"),
        ("<w:sdt><w:sdtContent>", "</w:sdtContent></w:sdt>"),
        ("<w:ins>", "</w:ins>"),
        ("<w:p><w:r><w:pict><w:txbxContent>", "</w:txbxContent></w:pict></w:r></w:p>"),
        ('<mc:AlternateContent><mc:Choice Requires="w14">', "</mc:Choice></mc:AlternateContent>"),
    ],
)
def test_markup_as_deep_as_the_parser_allows_is_read(tmp_path: Path, before: str, after: str) -> None:
    times = 240 // before.count("<")

    assert read_body(tmp_path, before * times + p("deep") + after * times).content == "deep"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<w:hyperlink>", "</w:hyperlink>"),
        ("<w:sdt><w:sdtContent>", "</w:sdtContent></w:sdt>"),
        ("<w:ruby><w:rubyBase>", "</w:rubyBase></w:ruby>"),
        ('<mc:AlternateContent><mc:Choice Requires="w14">', "</mc:Choice></mc:AlternateContent>"),
    ],
)
def test_runs_as_deep_as_the_parser_allows_are_read(tmp_path: Path, before: str, after: str) -> None:
    times = 240 // before.count("<")

    assert read_body(tmp_path, f"<w:p>{before * times}{r('deep')}{after * times}</w:p>").content == "deep"


def test_drawings_and_equations_as_deep_as_the_parser_allows_are_read(tmp_path: Path) -> None:
    drawing = f"<w:p><w:r><w:drawing>{'<a:x>' * 240}<a:blip/>{'</a:x>' * 240}</w:drawing></w:r></w:p>"
    equation = f"<w:p><m:oMath>{'<m:f><m:num>' * 120}<m:t>1</m:t>{'</m:num></m:f>' * 120}</m:oMath></w:p>"
    document = read_body(tmp_path, drawing + equation)

    assert [block.type for block in document.blocks] == ["figure", "paragraph"]


def test_a_marker_cannot_be_made_long(tmp_path: Path) -> None:
    levels = f'<w:lvl w:ilvl="0"><w:lvlText w:val="{"x" * 10_000}"/></w:lvl>'
    lists = '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    numbering = root("w:numbering", f'<w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum>{lists}')
    body = p("item", '<w:numPr><w:numId w:val="1"/></w:numPr>')

    assert len(read_body(tmp_path, body, numbering=numbering).content) == len("x" * 100 + " item")


def test_a_zip_with_too_many_entries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_docx(tmp_path / "sample.docx", p("x"))
    monkeypatch.setattr(package, "MAX_ENTRIES", 2)

    assert refused(path) == "corrupt-file"


def test_only_the_methods_of_the_format_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "sample.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("word/document.xml", root("w:document", "<w:body/>"))
        archive.writestr("word/a.png", b"x")
    package = Package(path)

    assert package.head("word/a.png", 10) == package.head("word/none.png", 10) == b""
    assert refused(path) == "corrupt-file"


def test_the_head_of_a_damaged_part_is_nothing(tmp_path: Path) -> None:
    path = write_parts(tmp_path / "sample.zip", {"a.png": b"0123456789" * 9})
    data = bytearray(path.read_bytes())
    data[len("a.png") + 30] = 0xFF
    path.write_bytes(data)

    assert Package(path).head("a.png", 1000) == b""


def test_parts_are_found_without_regard_to_case_and_slashes(tmp_path: Path) -> None:
    path = write_parts(
        tmp_path / "sample.docx",
        {
            "_rels/.rels": relationships({"main": ("officeDocument", "/Word/Document.xml")}),
            "word\\document.xml": root("w:document", f"<w:body>{p('found')}</w:body>"),
        },
    )

    assert read(path).content == "found"


def test_targets_are_taken_relative_to_their_part(tmp_path: Path) -> None:
    rels = relationships(
        {"a": ("image", "../x%20y.png"), "b": ("image", "../../../../etc/passwd#top"), "c": ("image", "/z")}
    )
    package = Package(write_parts(tmp_path / "sample.zip", {"word/_rels/document.xml.rels": rels}))

    found = package.relationships("word/document.xml")

    assert [each.target for each in found.values()] == ["x y.png", "etc/passwd", "z"]


def test_a_template_far_away_is_not_fetched(tmp_path: Path) -> None:
    path = write_parts(
        tmp_path / "sample.docx",
        {
            "word/document.xml": root("w:document", f"<w:body>{p('Quarterly figures')}</w:body>"),
            "word/_rels/document.xml.rels": relationships(
                {"t": ("styles", "http://example.test/x.dotm"), "n": ("numbering", "gone.xml")}, frozenset({"t"})
            ),
        },
    )

    assert read(path).content == "Quarterly figures"


@pytest.mark.parametrize("written", [None, "", "x", "--5", "-", "1.5", "99999999999", "٣x"])
def test_what_is_no_whole_number_is_none(written: str | None) -> None:
    assert whole_number(written) is None


def test_whole_numbers_may_be_negative() -> None:
    assert (whole_number(" 12 "), whole_number("-3")) == (12, -3)


def test_instructions_and_comments_of_xml_are_no_text(tmp_path: Path) -> None:
    assert read_body(tmp_path, f"<!-- comment --><?target data?>{p('a<!-- b -->c')}").content == "ac"
