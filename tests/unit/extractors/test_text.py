# ruff: noqa: RUF001 - other scripts have characters that look like Latin ones
import codecs
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.extractors import text as text_extractor
from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions
from actors.extractors.text import extract, readable
from actors.extractors.text_encoding import decode_text
from tests.unit.extractors.no_ocr import extracted

# One sentence in each of the encodings that people have written it in.
SENTENCES = {
    "Привет, мир! Сегодня хорошая погода, и мы идём гулять в парк.": (
        "cp1251 koi8_r iso8859_5 cp866 mac_cyrillic utf-16-le utf-16-be"
    ),
    "Доброго ранку! Сьогодні гарна погода, ми їдемо до Києва.": "cp1251 koi8_u iso8859_5",
    "今天天气很好，我们去公园散步。": "gb18030 gbk utf-16-le utf-16-be utf-32-le utf-32-be",
    "合同编号：2020-11，甲方：北京某某科技有限公司": "gb18030",
    "今天天氣很好，我們去公園散步。臺灣的朋友都來了。": "big5 gb18030",
    "吾輩は猫である。名前はまだ無い。": "cp932 euc_jp iso2022_jp utf-16-le",
    "請求書 株式会社サンプル 合計金額 12,000円": "cp932 euc_jp iso2022_jp",
    "안녕하세요. 오늘은 날씨가 아주 좋습니다.": "cp949 iso2022_kr",
    "Le café est déjà fermé à Noël, où êtes-vous allés ?": "cp1252 latin-1 mac_roman cp850",
    "Größe: über 30 Stück, schöne Grüße aus München": "cp1252 latin-1 cp850",
    "It’s a “smart quote” – as typed in Windows…": "cp1252",
    "Zażółć gęślą jaźń. Proszę o przesłanie dokumentów.": "cp1250 iso8859_2",
    "Árvíztűrő tükörfúrógép. Köszönöm szépen a levelét.": "cp1250 iso8859_2",
    "Günaydın, bugün hava çok güzel. Işık ve şeker aldık.": "cp1254",
    "Καλημέρα κόσμε, σήμερα ο καιρός είναι πολύ ωραίος.": "cp1253 iso8859_7",
    "שלום עולם, היום מזג האוויר יפה מאוד.": "cp1255",
    "مرحبا بالعالم، الطقس جميل جدا اليوم في المدينة.": "cp1256 iso8859_6",
    "สวัสดีชาวโลก วันนี้อากาศดีมาก": "cp874",
    "Ačiū už jūsų laišką, atsakysime rytoj.": "cp1257",
}
WRITTEN = [(sentence, encoding) for sentence, encodings in SENTENCES.items() for encoding in encodings.split()]


def read(tmp_path: Path, data: bytes, options: ExtractionOptions | None = None) -> Document:
    path = tmp_path / "sample.txt"
    path.write_bytes(data)
    return extracted(extract, path, options)


@pytest.mark.parametrize(("sentence", "encoding"), WRITTEN)
def test_one_sentence_is_enough_to_tell_its_encoding(sentence: str, encoding: str) -> None:
    assert decode_text(sentence.encode(encoding)).text == sentence


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"])))
def test_any_text_in_utf_8_comes_back_as_it_was(text: str) -> None:
    decoded = decode_text(text.encode())

    assert decoded.text == text.removeprefix("\ufeff")
    assert decoded.replaced == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), min_size=1))
def test_a_byte_order_mark_decides(encoding: str, text: str) -> None:
    assert decode_text(f"\ufeff{text}".encode(encoding)).text == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=8))
def test_ascii_in_two_or_four_bytes_needs_no_mark(encoding: str, text: str) -> None:
    assert decode_text(text.encode(encoding)).text == text


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    with suppress(ExtractionFailed):
        assert isinstance(decode_text(data).text, str)


def test_an_encoding_that_only_the_detector_knows_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cchardet.detect", lambda _data: {"encoding": "VISCII", "confidence": None})

    assert decode_text("déjà".encode("latin-1")).text == "déjà"


def test_a_mark_of_utf_32_on_a_text_in_utf_16_is_taken_for_what_it_is() -> None:
    data = codecs.BOM_UTF16_LE + "\x00text of an odd count".encode("utf-16-le")

    assert decode_text(data).encoding == "utf-16-le"


def test_chinese_between_tildes_is_read_from_seven_bits() -> None:
    assert decode_text("今天天气很好 plain".encode("hz")).text == "今天天气很好 plain"


def test_tildes_and_escapes_that_mean_nothing_stay_ascii() -> None:
    for data in (b"a ~{b~} path", b"red \x1b(Jtext", b"~{!!"):
        assert decode_text(data).encoding == "utf-8"


def test_zeros_in_what_is_no_unicode_are_dropped(tmp_path: Path) -> None:
    assert read(tmp_path, b"padded" + bytes(7)).content == "padded"


def test_utf_8_with_a_damaged_byte_is_still_utf_8() -> None:
    decoded = decode_text("ü".encode() * 300 + b"\xff")

    assert (decoded.encoding, decoded.replaced) == ("utf-8", 1)


def test_utf_8_that_is_cut_off_is_still_utf_8() -> None:
    decoded = decode_text("größer".encode() + b"\xe2\x82")

    assert (decoded.encoding, decoded.replaced) == ("utf-8", 1)


def test_a_single_byte_that_begins_a_character_of_utf_8_is_not_utf_8() -> None:
    assert decode_text(b"caf\xe9").text == "café"


def test_noise_is_no_text(tmp_path: Path) -> None:
    noise = bytes(range(1, 32)) * 20 + b"\xff\xfe\x81\x8d\x90"

    with pytest.raises(ExtractionFailed) as failure:
        read(tmp_path, noise)

    assert failure.value.code == "corrupt-file"


def test_an_encoding_other_than_utf_8_is_said(tmp_path: Path) -> None:
    document = read(tmp_path, "Größe".encode("cp1252") + b"\n")

    assert [warning.code for warning in document.warnings] == ["encoding"]
    assert "1252" in document.warnings[0].message or "8859" in document.warnings[0].message


def test_what_could_not_be_decoded_is_counted(tmp_path: Path) -> None:
    document = read(tmp_path, "größer".encode() + b"\xe2\x82")

    assert [warning.code for warning in document.warnings] == ["undecodable"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_every_kind_of_newline_ends_a_line(tmp_path: Path, newline: str) -> None:
    document = read(tmp_path, f"one{newline}two".encode())

    assert [line.text for line in document.pages[0].lines] == ["one", "two"]


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    left = readable(text)

    assert not any((each < " " and each not in "\t\n") or "\x7f" <= each <= "\x9f" for each in left)


def test_colours_of_a_terminal_go_as_a_whole() -> None:
    assert readable("\x1b[2J\x1b[31mred\x1b[0m \x1b(B\x07bell") == "red bell"


def test_blank_lines_part_paragraphs(tmp_path: Path) -> None:
    document = read(tmp_path, b"\n\n  a\nb  \n \n\nc\n")

    assert [document.content[start : start + size] for start, size in (block.span for block in document.blocks)] == [
        "  a\nb",
        "c",
    ]
    assert document.pages[0].source == "text"
    assert document.properties.page_count == 1


def test_an_empty_file_is_an_empty_page(tmp_path: Path) -> None:
    document = read(tmp_path, b"")

    assert (document.content, document.blocks, document.pages[0].source) == ("", [], "none")


def test_other_pages_than_the_first_do_not_exist(tmp_path: Path) -> None:
    assert read(tmp_path, b"text", ExtractionOptions(pages="2-3")).pages == []


def test_more_bytes_than_are_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_extractor, "MAX_BYTES", 3)

    with pytest.raises(ExtractionFailed) as failure:
        read(tmp_path, b"four")

    assert failure.value.code == "out-of-memory"


def test_more_lines_than_are_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_extractor, "MAX_LINES", 3)

    with pytest.raises(ExtractionFailed) as failure:
        read(tmp_path, b"1\n2\n3\n4")

    assert failure.value.code == "out-of-memory"
