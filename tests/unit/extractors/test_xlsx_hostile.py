"""Workbooks that are broken or mean harm."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msoffcrypto.format.ooxml import OOXMLFile

from actors.extractors.document import ExtractionFailed, ExtractionOptions
from actors.extractors.office import package
from tests.unit.extractors.xlsx_files import read, root, row, sheet, text, write_xlsx

ENTITY = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
GOOD = sheet(row(1, text("A1", "good")))


def refused(path: Path, options: ExtractionOptions | None = None) -> str:
    with pytest.raises(ExtractionFailed) as failure:
        read(path, options)
    return failure.value.code


@pytest.mark.parametrize(
    "broken",
    [ENTITY + sheet(row(1, text("A1", "&secret;"))), BOMB + sheet(row(1, text("A1", "&b;"))), "<x", "", "\x00"],
)
def test_one_broken_sheet_is_only_that_sheet(tmp_path: Path, broken: str) -> None:
    document = read(write_xlsx(tmp_path / "sample.xlsx", [GOOD, broken]))

    assert (document.content, document.status) == ("S1\n\ngood", "partial")
    assert [page.error for page in document.pages] == [None, "The sheet cannot be read."]


def test_a_workbook_without_a_readable_sheet_is_corrupt(tmp_path: Path) -> None:
    assert refused(write_xlsx(tmp_path / "sample.xlsx", ["<x"])) == "corrupt-file"


def test_a_sheet_that_is_listed_and_not_there_is_an_error_of_its_page(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "sample.xlsx", [GOOD], workbook="")
    more = root("workbook", '<sheets><sheet name="a" r:id="s1"/><sheet name="b" r:id="none"/></sheets>')
    path = write_xlsx(tmp_path / "sample.xlsx", [GOOD], {"xl/workbook.xml": more})

    assert [page.error for page in read(path).pages] == [None, "The sheet cannot be read."]


@pytest.mark.parametrize(
    "parts",
    [
        {"xl/workbook.xml": "<x/>"},
        {"xl/sharedStrings.xml": ENTITY + root("sst", "<si><t>&secret;</t></si>")},
        {"xl/styles.xml": "<"},
    ],
)
def test_a_workbook_with_a_broken_core_is_corrupt(tmp_path: Path, parts: dict[str, str]) -> None:
    assert refused(write_xlsx(tmp_path / "sample.xlsx", [GOOD], parts)) == "corrupt-file"


def test_a_sheet_that_unpacks_to_too_much_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "_RATIO_COUNTS_FROM", 1000)
    monkeypatch.setattr(package, "MAX_RATIO", 2)
    bomb = sheet("".join(row(n, text(f"A{n}", "x")) for n in range(1, 2000)))

    document = read(write_xlsx(tmp_path / "sample.xlsx", [GOOD, bomb]))

    assert [page.error for page in document.pages] == [None, "The sheet cannot be read."]


def test_a_password_opens_what_it_closed(tmp_path: Path) -> None:
    # An OLE file keeps streams below 4,096 bytes elsewhere, where the library does not look.
    path = write_xlsx(tmp_path / "sample.xlsx", [GOOD], {"xl/media/filler.png": os.urandom(5000)})
    plain, closed = io.BytesIO(path.read_bytes()), io.BytesIO()
    OOXMLFile(plain).encrypt("right", closed)
    path.write_bytes(closed.getvalue())

    assert refused(path) == "password-required"
    assert refused(path, ExtractionOptions(password="wrong")) == "wrong-password"
    assert read(path, ExtractionOptions(password="right")).content == "S1\n\ngood"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_damaged_byte_is_read_over_or_refused(tmp_path: Path, position: int, value: int) -> None:
    path = write_xlsx(tmp_path / "sample.xlsx", [GOOD, GOOD])
    data = bytearray(path.read_bytes())
    data[position % len(data)] = value
    path.write_bytes(data)

    try:
        read(path)
    except ExtractionFailed as failure:
        assert failure.code == "corrupt-file"  # noqa: PT017 - either outcome is right


def test_a_sheet_whose_checksum_is_wrong_is_not_read(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "sample.xlsx", [GOOD, GOOD])
    data = bytearray(path.read_bytes())
    record = data.rindex(b"PK\x01\x02")  # the directory's last: the second sheet
    data[record + 16] ^= 0xFF
    path.write_bytes(data)

    assert [page.error for page in read(path).pages] == [None, "The sheet cannot be read."]
