"""The decision over a whole file, with the real child process for archives."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage.errors import MunimentError
from storage.tenant_configuration import TenantConfiguration
from storage.upload_checks import media_type_names as types
from storage.upload_checks.archive_process import ArchiveChecker
from storage.upload_checks.verdict import Verdict, check_content, check_headers
from tests.unit.upload_checks.archive_samples import Part, docx, nested_zip, raw_zip, tar_of, zip_of
from tests.unit.upload_checks.test_media_types import PROGRAM, box, compound

PNG, PDF, JPEG = b"\x89PNG\r\n\x1a\n" + bytes(90), b"%PDF-1.7\n%%EOF\n", b"\xff\xd8\xff\xe0" + bytes(90)
HTML = b"<!DOCTYPE html><html><script>1</script></html>"


@pytest.fixture(scope="module")
async def checker() -> AsyncIterator[ArchiveChecker]:
    async with ArchiveChecker() as checker:
        yield checker


class Uploads:
    """Files as they arrive, and what is decided about them."""

    def __init__(self, folder: Path, checker: ArchiveChecker) -> None:
        self._path, self._checker = folder / "incoming", checker

    async def decide(self, content: bytes, name: str, declared: str | None = None, **rules: Any) -> str:
        """The stored media type, or the code of the refusal."""
        self._path.write_bytes(content)
        configuration = TenantConfiguration.created_from(rules)
        try:
            check_headers(configuration, name, declared, len(content))
            verdict = await check_content(self._path, len(content), name, declared, configuration, self._checker)
        except MunimentError as error:
            return error.code
        return verdict.media_type


@pytest.fixture
def uploads(tmp_path: Path, checker: ArchiveChecker) -> Uploads:
    return Uploads(tmp_path, checker)


@pytest.mark.parametrize(
    ("content", "name", "declared", "stored"),
    [
        (PNG, "a.png", "image/png", "image/png"),
        (PNG, "a.png", None, "image/png"),
        (PNG, "a", "application/octet-stream", "image/png"),
        (PNG, "a.dat", "application/x-unheard-of", "image/png"),
        (PNG, "a.png", "image/x-png; q=1", "image/png"),
        (JPEG, "a.JPE", "image/jpg", "image/jpeg"),
        (PDF, "a.pdf", "application/x-pdf", "application/pdf"),
        (b"mail header\n\n" + PDF, "a.pdf", "application/pdf", "application/pdf"),
        (b"mail header\n\n" + PDF, "a.txt", "text/plain", "text/plain"),
        (b"How %PDF-1.4 begins.", "a.md", "text/markdown", "text/markdown"),
        (b"# Title\n", "a.md", None, "text/markdown"),
        (b"a,b\n1,2\n3,4\n", "a.txt", "text/plain", "text/plain"),
        (b"a,b\n1,2\n3,4\n", "a.csv", "application/vnd.ms-excel", "text/csv"),
        (b"a,b\n1,2\n3,4\n", "a", None, "text/csv"),
        (b"words", "a", "text/x-special", "text/x-special"),
        (b"words", "a.py", "application/x-python", "text/x-python"),
        (b"{}", "a.txt", None, "text/plain"),
        (b"{}", "a", None, "application/json"),
        (HTML, "a.txt", "text/plain", "text/html"),
        (HTML, "a.xls", "application/vnd.ms-excel", "text/html"),
        (b"{\\rtf1}", "a.doc", "application/msword", "application/rtf"),
        (b"{\\rtf1}", "a.txt", "text/plain", "application/rtf"),
        (b"<svg/>", "a.svg", "image/svg+xml", "image/svg+xml"),
        (b"", "a.txt", "text/plain", "text/plain"),
        (b"", "a", None, "application/x-empty"),
        (bytes(range(256)) * 9, "a.txt", "text/plain", "text/plain"),
        (bytes(range(256)) * 9, "a.bin", None, "application/octet-stream"),
        (bytes(range(256)) * 9, "a", "model/step", "model/step"),
        (bytes(range(256)) * 9, "a.mpg", None, "video/mpeg"),
        (PROGRAM, "a.exe", "application/x-msdownload", "application/vnd.microsoft.portable-executable"),
        (PROGRAM, "a.bin", None, "application/vnd.microsoft.portable-executable"),
        (box(b"heic"), "a.heif", "image/heif", "image/heic"),
        (box(b"isom"), "a.mov", "video/quicktime", "video/mp4"),
        (compound("WordDocument"), "a.doc", None, "application/msword"),
        (compound("Root Entry"), "a.xls", None, "application/vnd.ms-excel"),
        (compound("Root Entry"), "a", None, types.OLE),
        (compound("EncryptedPackage"), "a.docx", types.DOCX, types.DOCX),
        (compound("EncryptedPackage"), "a", None, types.ENCRYPTED_OFFICE),
        (docx(), "a.docx", types.DOCX, types.DOCX),
        (docx(), "a.docx", "application/zip", types.DOCX),
        (docx(), "a.zip", "application/x-zip-compressed", types.DOCX),
        (docx("wordprocessingml.template.main+xml"), "a.docx", None, types.EXTENSIONS[".dotx"]),
        (zip_of({"a": b"x"}), "a.zip", "application/zip", types.ZIP),
        (zip_of({"a": b"x"}), "a.jar", None, types.JAR),
        (zip_of({"a": b"x"}), "a.kmz", None, types.ZIP),
        (raw_zip(Part(b"a", b"x"), prefix=b"#!/bin/sh\n"), "install.sh", "application/x-sh", types.ZIP),
        (tar_of({"a": b"x"}, "w:gz"), "a.tgz", "application/x-tar", types.GZIP),
        (tar_of({"a": b"x"}), "a.tar", None, types.TAR),
        (gzip.compress(b"x", mtime=0), "a.svgz", "image/svg+xml", "media-type-mismatch"),
        (gzip.compress(b"x", mtime=0), "a.svgz", None, types.GZIP),
    ],
)
async def test_a_file_is_stored_as_what_content_name_and_declaration_together_say(
    uploads: Uploads, content: bytes, name: str, declared: str | None, stored: str
) -> None:
    assert await uploads.decide(content, name, declared) == stored


@pytest.mark.parametrize(
    ("content", "name", "declared"),
    [
        (PNG, "a.pdf", None),
        (PNG, "a", "application/pdf"),
        (PNG, "a.png", "application/pdf"),
        (PNG, "a.txt", None),
        (PNG, "a.jpg", None),
        (PNG, "a.mp4", None),
        (JPEG, "a.gif", "image/gif"),
        (b"just text", "a.pdf", "application/pdf"),
        (b"just text", "a.docx", None),
        (b"just text", "a.png", None),
        (HTML, "a.pdf", None),
        (HTML, "a.jpg", "image/jpeg"),
        (PDF, "a.txt", "text/plain"),
        (PDF, "a.docx", None),
        (PROGRAM, "a.pdf", "application/pdf"),
        (PROGRAM, "a.txt", None),
        (b"\x7fELF\x02\x01\x01" + bytes(60), "a.csv", "text/csv"),
        (b"", "a.pdf", "application/pdf"),
        (b"", "a.docx", None),
        (bytes(range(256)) * 9, "a.png", "image/png"),
        (bytes(range(256)) * 9, "a.zip", None),
        (zip_of({"a": b"x"}), "a.docx", None),
        (zip_of({"a": b"x"}), "a", types.DOCX),
        (zip_of({"a": b"x"}), "a.pdf", None),
        (docx(), "a.xlsx", None),
        (docx(), "a.pdf", None),
        (docx(), "a.odt", None),
        (zip_of({"[Content_Types].xml": b"ms-word.document.macroEnabled.main+xml"}), "a.docx", None),
        (compound("EncryptedPackage"), "a.pdf", None),
        (compound("EncryptedPackage"), "a.doc", None),
        (raw_zip(Part(b"a", b"x"), prefix=b"#!/bin/sh\n"), "a.png", None),
    ],
)
async def test_content_that_is_not_what_its_name_or_declaration_say_is_refused(
    uploads: Uploads, content: bytes, name: str, declared: str | None
) -> None:
    assert await uploads.decide(content, name, declared) == "media-type-mismatch"


async def test_a_file_too_large_is_refused_first(uploads: Uploads) -> None:
    rules = {"max_file_size_bytes": 10, "denied_extensions": ["pdf"]}
    assert await uploads.decide(PNG, "a.pdf", "application/pdf", **rules) == "file-too-large"


async def test_a_file_that_turned_out_too_large_is_refused(tmp_path: Path, checker: ArchiveChecker) -> None:
    rules = TenantConfiguration.created_from({"max_file_size_bytes": 10})
    check_headers(rules, "a", None, None)
    with pytest.raises(MunimentError, match="has 11 bytes"):
        await check_content(tmp_path / "a", 11, "a", None, rules, checker)


async def test_an_extension_is_refused_before_a_media_type(uploads: Uploads) -> None:
    rules = {"denied_extensions": ["png"], "denied_media_types": ["image/*"]}
    assert await uploads.decide(PNG, "a.png", "image/png", **rules) == "extension-not-allowed"


@pytest.mark.parametrize("declared", ["image/png", "IMAGE/X-PNG; a=b"])
async def test_a_declared_media_type_is_refused_whatever_the_content(uploads: Uploads, declared: str) -> None:
    assert await uploads.decide(PDF, "a", declared, denied_media_types=["image/*"]) == "media-type-not-allowed"
    assert await uploads.decide(PDF, "a", declared, allowed_media_types=["application/pdf"]) == "media-type-not-allowed"


async def test_a_detected_media_type_is_refused_before_its_mismatch(uploads: Uploads) -> None:
    for declared in (None, "application/pdf", "application/octet-stream"):
        assert (
            await uploads.decide(PNG, "a.pdf", declared, allowed_media_types=["application/pdf"])
            == "media-type-not-allowed"
        )


async def test_a_declaration_that_says_nothing_leaves_the_decision_to_the_content(uploads: Uploads) -> None:
    for declared in (None, "", "application/octet-stream", "application/x-www-form-urlencoded"):
        assert (
            await uploads.decide(PDF, "a.pdf", declared, allowed_media_types=["application/pdf"]) == "application/pdf"
        )
    rules = {"denied_media_types": ["application/octet-stream"]}
    assert await uploads.decide(PDF, "a.pdf", "application/octet-stream", **rules) == "media-type-not-allowed"


async def test_html_under_another_name_is_refused_where_html_is(uploads: Uploads) -> None:
    assert (
        await uploads.decide(HTML, "a.txt", "text/plain", denied_media_types=["text/html"]) == "media-type-not-allowed"
    )


async def test_a_mismatch_is_refused_before_an_unsafe_archive(uploads: Uploads) -> None:
    assert await uploads.decide(nested_zip(9), "a.pdf") == "media-type-mismatch"


@pytest.mark.parametrize("name", ["a.zip", "a.docx", "a", "a.bin"])
async def test_an_unsafe_archive_is_refused_whatever_its_name(uploads: Uploads, name: str) -> None:
    broken = raw_zip(Part(b"a", b"x"), count=3)
    assert await uploads.decide(broken, name) == "archive-unsafe"


async def test_a_tenants_own_limits_hold(uploads: Uploads) -> None:
    assert await uploads.decide(nested_zip(2), "a.zip", archive={"max_nesting_depth": 1}) == "archive-unsafe"
    assert await uploads.decide(nested_zip(2), "a.zip", archive={"max_nesting_depth": 2}) == types.ZIP


async def test_a_verdict_names_the_extension(tmp_path: Path, checker: ArchiveChecker) -> None:
    path = tmp_path / "incoming"
    path.write_bytes(PDF)
    verdict = await check_content(path, len(PDF), "Report.PDF", None, TenantConfiguration(), checker)
    assert verdict == Verdict("application/pdf", ".pdf")
