import zipfile
from typing import Any

import pytest

from storage.upload_checks import media_type_names as types
from storage.upload_checks.archive_report import ArchiveReport, report_on
from storage.upload_checks.windows import Window
from storage.upload_checks.zip_directory import find_directory
from storage.upload_checks.zip_flavours import zip_flavour
from tests.unit.upload_checks.archive_samples import Part, docx, limits, raw_zip, zip_of


def flavour(archive: bytes) -> str:
    directory = find_directory(Window.of_bytes(archive))
    assert directory is not None
    return zip_flavour(directory)


ODT = b"application/vnd.oasis.opendocument.text"


@pytest.mark.parametrize(
    ("archive", "media_type"),
    [
        (docx(), types.DOCX),
        (docx("spreadsheetml.sheet.main+xml", "xl"), types.XLSX),
        (docx("presentationml.presentation.main+xml", "ppt"), types.PPTX),
        (docx("spreadsheetml.sheet.main+xml", "elsewhere"), types.XLSX),
        (docx("unheard.of", "word"), types.DOCX),
        (docx("unheard.of", "elsewhere"), types.ZIP),
        (zip_of({"[Content_Types].xml": b"ms-word.document.macroEnabled.main+xml"}), types.EXTENSIONS[".docm"]),
        (zip_of({"word/document.xml": b"<w/>"}), types.DOCX),
        (zip_of({"word/notes.txt": b"about a word"}), types.ZIP),
        (raw_zip(Part(b"/word\\document.xml", b"<w/>")), types.DOCX),
        (zip_of({"mimetype": ODT, "content.xml": b""}), ODT.decode()),
        (zip_of({"mimetype": b"application/epub+zip\n"}, zipfile.ZIP_STORED), "application/epub+zip"),
        (zip_of({"mimetype": b"text/plain"}), types.ZIP),
        (zip_of({"mimetype": b"application/epub+zip" + b" " * 9000}), "application/epub+zip"),
        (raw_zip(Part(b"mimetype", ODT, flags=1)), types.ZIP),
        (zip_of({"META-INF/MANIFEST.MF": b"", "a.class": b""}), types.JAR),
        (zip_of({"AndroidManifest.xml": b"", "META-INF/MANIFEST.MF": b""}), types.APK),
        (zip_of({"a.txt": b""}), types.ZIP),
        (zip_of({}), types.ZIP),
    ],
)
def test_a_zip_is_told_by_its_entries(archive: bytes, media_type: str) -> None:
    assert flavour(archive) == media_type


def test_a_report_says_what_kind_of_zip_it_is_and_why_it_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "a"
    path.write_bytes(docx())
    assert report_on(path, limits()) == ArchiveReport(types.DOCX)
    path.write_bytes(docx())
    assert report_on(path, limits(max_entries=1)) == ArchiveReport(
        types.DOCX, "entries", "The archive has more than the 1 entries allowed."
    )


def test_a_report_on_what_cannot_be_read_or_is_no_zip_names_no_kind(tmp_path: Any) -> None:
    path = tmp_path / "a"
    path.write_bytes(docx()[:-5])
    assert report_on(path, limits()).zip_type is None
    path.write_bytes(raw_zip(Part(b"a", b"x"), count=7))
    assert report_on(path, limits()).zip_type is None
    path.write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(9))
    assert report_on(path, limits()) == ArchiveReport(None)


def test_running_out_of_memory_is_a_refusal(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("storage.upload_checks.archive_report.look_through", hungry)
    path = tmp_path / "a"
    path.write_bytes(docx())
    assert report_on(path, limits()).reason == "uncompressed-size"
