import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.upload_checks.file_names import display_name, extension_of
from storage.upload_errors import InvalidFileName


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("Report.PDF", "Report.PDF"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("C:\\Users\\me\\Скан 1.tiff", "Скан 1.tiff"),
        (" spaces kept .txt", " spaces kept .txt"),
        ("cafe\u0301.txt", "cafe\u0301.txt"),
        ("👩‍🔬.png", "👩‍🔬.png"),
        ("שלום\u200f.docx", "שלום\u200f.docx"),
        (".env", ".env"),
        ("x" * 255, "x" * 255),
    ],
)
def test_a_name_is_its_last_component_otherwise_unchanged(given_name: str, kept: str) -> None:
    assert display_name(given_name) == kept


@pytest.mark.parametrize(
    "bad",
    [
        *("", "   ", ".", "..", "a/", "a\\..", ". .", "a\nb", "a\rb", "a\0b", "a\x7fb", "a\x85b", "a\tb"),
        *("\ud800.txt", "a\u2028b", "fdp.\u202eexe", "x" * 256, "é" * 128),
    ],
)
def test_a_name_that_nothing_can_be_called_is_refused(bad: str) -> None:
    with pytest.raises(InvalidFileName, match="The file name "):
        display_name(bad)


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("a.pdf", ".pdf"),
        ("A.PDF", ".pdf"),
        ("a.tar.gz", ".gz"),
        ("virus.exe. .", ".exe"),
        ("a.", ""),
        ("pdf", ""),
        (".htaccess", ""),
        ("..pdf", ""),
        ("a.p df", ""),
        ("a.c++", ""),
        ("a.\uff30\uff24\uff26", ""),
        ("a.\u212a", ""),
        ("a." + "x" * 16, "." + "x" * 16),
        ("a." + "x" * 17, ""),
    ],
)
def test_an_extension_is_lower_case_and_safe_or_none(name: str, extension: str) -> None:
    assert extension_of(name) == extension


@given(st.text())
def test_whatever_is_given_what_is_kept_is_one_component_that_a_header_and_a_log_can_carry(given_name: str) -> None:
    try:
        kept = display_name(given_name)
    except InvalidFileName:
        return
    assert given_name.endswith(kept)
    assert not set(kept) & set("/\\\0\r\n")
    assert 0 < len(kept.encode()) <= 255
    assert display_name(kept) == kept


@given(st.text())
def test_an_extension_never_holds_more_than_letters_and_digits(name: str) -> None:
    extension = extension_of(name)
    assert extension == "" or (extension[0] == "." and extension[1:].isascii() and extension[1:].isalnum())
    assert extension == extension.lower()
