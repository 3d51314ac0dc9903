"""Whatever a file is called, it comes back under that name or is refused: in forms, headers, patches and downloads."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage.upload_checks.file_names import display_name, extension_of
from storage.upload_errors import InvalidFileName
from tests.file_service import FileService, SampleTenant
from tests.unit.upload_checks.archive_samples import docx

CONTENT = b"some text"
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
BINARY = "application/octet-stream"

# Names that somebody may think of: every character there is, and those that mean something to somebody more often.
MEANINGFUL = "\"\\/%;=*'.: \t\r\n\0\x7f\x85\u2028\u202e\u200fאبe\u0301é€😀&<>{}()[]?#"
NAMES = (
    st.text(max_size=40)
    | st.text(st.sampled_from(MEANINGFUL), min_size=1, max_size=20)
    | st.text(st.sampled_from("aé😀"), min_size=60, max_size=260)
    | st.sampled_from(
        ["..", "...", ". .", "a/../b", "..\\..\\x.txt", "%2e%2e%2f", "%00.txt", "CON", "a.txt\n", "%22.txt"]
    )
)
SURROGATES = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3)


@pytest.fixture(scope="module")
async def names(service: FileService) -> SampleTenant:
    """One tenant for all names."""
    return await service.tenant()


def form(disposition: bytes) -> bytes:
    return b"--b\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\n" + CONTENT + b"\r\n--b--\r\n"


async def in_a_form(tenant: SampleTenant, disposition: bytes) -> httpx.Response:
    return await tenant.request("POST", "/files", content=form(disposition), headers=FORM)


async def as_a_browser(tenant: SampleTenant, name: str) -> httpx.Response:
    """WHATWG HTML, section 4.10.21.8: UTF-8, with three characters escaped and no others."""
    escaped = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    return await in_a_form(tenant, b'name="file"; filename="' + escaped.encode() + b'"')


async def extended(tenant: SampleTenant, name: str) -> httpx.Response:
    """RFC 8187, beside a name for old servers."""
    header = f"attachment; filename=\"old\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": header, "Content-Type": BINARY}
    return await tenant.request("POST", "/files", content=CONTENT, headers=headers)


async def quoted(tenant: SampleTenant, name: str) -> httpx.Response:
    """RFC 6266 with RFC 9110's quoted string, in UTF-8."""
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    headers = {"Content-Disposition": b'attachment; filename="' + escaped.encode() + b'"', "Content-Type": BINARY}
    return await tenant.request("POST", "/files", content=CONTENT, headers=headers)


async def renamed(tenant: SampleTenant, name: str) -> httpx.Response:
    file = await tenant.stored(CONTENT, "before")
    return await tenant.patch(f"/files/{file['id']}", {"file_name": name}, '"m1"')


Way = Callable[[SampleTenant, str], Any]
WAYS: list[Way] = [as_a_browser, extended, quoted, renamed]


def carried(way: Way, name: str) -> str:
    """The name that the server can see: of the browser's three escapes it cannot know which were in the name."""
    if way is as_a_browser:
        return name.replace("%0D", "\r").replace("%0A", "\n").replace("%22", '"')
    return name


def name_in(disposition: str) -> str:
    """What a client makes of a download's header; nothing else may be in it."""
    found = re.fullmatch(r'attachment; filename="([ !#$&-\[\]-~]*)"; filename\*=UTF-8\'\'([!-~]*)', disposition)
    assert found is not None, disposition
    return unquote(found[2], errors="strict")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@given(name=NAMES)
@example(name="C:\\fakepath\\Überweisung „neu“.txt")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_name_comes_back_as_it_is_or_is_refused(names: SampleTenant, way: Way, name: str) -> None:
    if way is quoted and re.search(r"[\r\n\0]", name):
        return  # No HTTP server hands such a header on.
    answer = await way(names, name)
    try:
        kept = display_name(carried(way, name))
    except InvalidFileName:
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-file-name"), answer.text
        return
    if answer.status_code != 201:
        # The extension may stand for a type that text is not.
        assert (answer.status_code, way is renamed) == (200, True) or answer.json()["code"] == "media-type-mismatch"
    if answer.is_error:
        return
    file = answer.json()
    assert (file["file_name"], file["extension"]) == (kept, extension_of(kept))
    path = f"/files/{file['id']}"
    assert (await names.request("GET", path)).json()["file_name"] == kept
    download = await names.request("GET", f"{path}/content")
    assert name_in(download.headers["content-disposition"]) == kept
    assert download.content == CONTENT
    [listed] = (await names.request("GET", "/files", params={"limit": "1", "sort": "-time_created"})).json()["items"]
    assert listed["file_name"] == kept


@given(name=SURROGATES)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_half_characters_are_refused(names: SampleTenant, name: str) -> None:
    """As JSON may spell them, and in what would be their UTF-8."""
    file = await names.stored(CONTENT, "before")
    escaped = "".join(f"\\u{ord(character):04x}" for character in name)
    headers = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
    body = f'{{"file_name": "{escaped}"}}'.encode()
    answer = await names.request("PATCH", f"/files/{file['id']}", content=body, headers=headers)
    whole = re.fullmatch("(?:[\ud800-\udbff][\udc00-\udfff])*", name)
    assert answer.status_code == (200 if whole else 400)
    bad = name.encode("utf-8", "surrogatepass")
    encoded = "".join(f"%{byte:02X}" for byte in bad)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{encoded}", "Content-Type": BINARY}
    answer = await names.request("POST", "/files", content=CONTENT, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


CHROME = b'name="file"; filename="%s"\r\nContent-Type: text/plain'


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        # Chrome, Firefox and Safari of the last years.
        (CHROME % "Bericht März „final“.txt".encode(), "Bericht März „final“.txt"),
        (CHROME % b"say %22hello%22.txt", 'say "hello".txt'),
        (CHROME % b"100%.txt", "100%.txt"),
        (CHROME % b"50%25.txt", "50%25.txt"),
        (CHROME % b"semi;colon=1.txt", "semi;colon=1.txt"),
        (CHROME % "שלום.txt".encode(), "שלום.txt"),
        # Decomposed, as macOS gives it.
        (CHROME % "u\u0308.txt".encode(), "u\u0308.txt"),
        # Old Internet Explorer: the whole path, its backslashes as they are.
        (CHROME % b"C:\\Users\\new\\report.txt", "report.txt"),
        # Forms of pages that are not UTF-8.
        (CHROME % "Größe.txt".encode("latin-1"), "Größe.txt"),
        # curl before 7.81, old Firefox.
        (CHROME % b'a \\"quoted\\" name.txt', 'a "quoted" name.txt'),
        # .NET's HttpClient, which says it twice.
        (b"name=file; filename=\"=?utf-8?B?w6QudHh0?=\"; filename*=utf-8''%C3%A4.txt", "ä.txt"),
        (b"name=file; filename*=utf-8''%E2%82%AC.txt; filename=old.txt", "€.txt"),
        (b"name=file; filename*=UTF-8'de'%E2%82%AC.txt", "€.txt"),
        # Tokens, as small clients write them.
        (b"name=file; filename=plain.txt", "plain.txt"),
        (b"filename=plain.txt; name=file", "plain.txt"),
        (b'NAME="file"; FileName="plain.txt"', "plain.txt"),
        # One that cannot be read leaves the other.
        (b"name=file; filename*=utf-8''%ff.txt; filename=old.txt", "old.txt"),
        (b"name=file; filename*=utf-7''x.txt; filename=old.txt", "old.txt"),
    ],
)
async def test_forms_are_read_as_browsers_and_tools_write_them(
    names: SampleTenant, disposition: bytes, name: str
) -> None:
    answer = await in_a_form(names, disposition)
    assert (answer.status_code, answer.json().get("file_name")) == (201, name)


@pytest.mark.parametrize(
    "disposition",
    [
        CHROME % b"",
        CHROME % b"..",
        CHROME % b"...",
        CHROME % b" ",
        CHROME % b"folder/",
        CHROME % b"a%0Ab.txt",
        CHROME % b"a%0D%0ASet-Cookie: x.txt",
        CHROME % b"nul\0.txt",
        CHROME % b"a\x1bb.txt",
        CHROME % b"a" * 256,
        CHROME % "é".encode() * 128,
        CHROME % "fdp.\u202eexe".encode(),
        CHROME % b"ends in a backslash\\",
        b"name=\"file\"; filename*=UTF-8''a%00b",
        b"name=\"file\"; filename*=UTF-8''..%2F..%2F",
        b'name="file"; filename="never closed',
        b'name="file"; filename=',
        b'name="file"',
    ],
)
async def test_what_is_no_name_is_refused(names: SampleTenant, disposition: bytes) -> None:
    answer = await in_a_form(names, disposition)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["code"] in {"invalid-file-name", "bad-request"}


async def test_a_path_names_the_file_at_its_end(names: SampleTenant) -> None:
    for given_name in ("../../etc/passwd", "..%2F", "/etc/passwd"):
        answer = await extended(names, given_name)
        assert answer.json()["file_name"] == given_name.rpartition("/")[2]


async def test_a_new_name_brings_its_extension_and_the_bytes_stay_where_they_are(names: SampleTenant) -> None:
    file = await names.stored(CONTENT, "notes.txt")
    changed = (await names.patch(f"/files/{file['id']}", {"file_name": "Notes.MD"}, '"m1"')).json()
    assert (changed["file_name"], changed["extension"], changed["version"]) == ("Notes.MD", ".md", 2)
    unchanged = ("storage_path", "media_type", "declared_media_type", "sha256", "time_created")
    assert {name: changed[name] for name in unchanged} == {name: file[name] for name in unchanged}
    download = await names.request("GET", f"/files/{file['id']}/content")
    assert name_in(download.headers["content-disposition"]) == "Notes.MD"
    assert download.content == CONTENT
    for extension, found in ((".md", [file["id"]]), (".txt", [])):
        params = {"extension": extension, "name": "notes.md", "limit": "1"}
        listed = (await names.request("GET", "/files", params=params)).json()["items"]
        assert [item["id"] for item in listed] == found
    changed = (await names.patch(f"/files/{file['id']}", {"file_name": "Notes"}, '"m2"')).json()
    assert changed["extension"] == ""


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


async def test_a_name_that_the_content_gives_the_lie_is_refused_afterwards_too(names: SampleTenant) -> None:
    text, picture = await names.stored(CONTENT, "a.txt"), await names.stored(PNG, "a.png", media_type="image/png")
    for file, name, status in (
        (text, "a.pdf", 422),
        (text, "a.docx", 422),
        (text, "a.html", 200),
        (text, "a", 200),
        (picture, "a.pdf", 422),
        (picture, "a.txt", 422),
        (picture, "A.PNG", 200),
        (picture, "a.unknown", 200),
    ):
        answer = await names.patch(f"/files/{file['id']}", {"file_name": name}, "*")
        assert answer.status_code == status, name
        assert status == 200 or answer.json()["code"] == "media-type-mismatch"


async def test_a_kind_of_zip_may_go_by_its_own_names(names: SampleTenant) -> None:
    file = await names.stored(docx(), "a.docx", media_type=BINARY)
    assert file["media_type"].endswith("wordprocessingml.document")
    for name, status in (("a.zip", 200), ("a.docx", 200), ("a.xlsx", 422), ("a.pdf", 422)):
        answer = await names.patch(f"/files/{file['id']}", {"file_name": name}, "*")
        assert answer.status_code == status, name


async def test_renaming_what_is_gone_or_cannot_be_read_is_said(service: FileService, names: SampleTenant) -> None:
    file = await names.stored(CONTENT, "a.txt")
    path = service.services.disk.path(file["storage_path"])
    path.unlink()
    path.mkdir()
    answer = await names.patch(f"/files/{file['id']}", {"file_name": "a.md"}, "*")
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    path.rmdir()
    answer = await names.patch(f"/files/{file['id']}", {"file_name": "a.md"}, "*")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


SCRIPT = b"<script>alert(1)</script>"
RUNS = [
    (b"<!doctype html><html>" + SCRIPT, "a.html", "text/html"),
    (b"<!doctype html><html>" + SCRIPT, "a.txt", "text/plain"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT + b"</svg>", "a.svg", "image/svg+xml"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT + b"</svg>", "a.txt", "text/plain"),
    (b"<?xml version='1.0'?><a xmlns='http://www.w3.org/1999/xhtml'>" + SCRIPT + b"</a>", "a.xml", "text/xml"),
    (b"<html xmlns='http://www.w3.org/1999/xhtml'>" + SCRIPT + b"</html>", "a.xhtml", "application/xhtml+xml"),
    (b"alert(1)", "a.js", "text/javascript"),
    (b"\0\1\2\3" * 20, "a.bin", "text/html"),
    (b"\0\1\2\3" * 20, "a.swf", "application/x-shockwave-flash"),
]


@pytest.mark.parametrize(("content", "name", "declared"), RUNS)
async def test_what_a_browser_might_run_is_only_ever_downloaded(
    names: SampleTenant, content: bytes, name: str, declared: str
) -> None:
    file = await names.stored(content, name, media_type=declared)
    for query in ("", "?inline=1", "?inline=true"):
        answer = await names.request("GET", f"/files/{file['id']}/content{query}")
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


SHOWN = [
    (b"GIF89a/*" + b"\0" * 30 + b"*/=1;alert(1)", "a.gif", "image/gif"),
    (b"prose, and " + SCRIPT, "a.txt", "text/plain"),
    (b"%!PS-Adobe-3.0\n", "a.ps", "text/plain"),
    (SCRIPT + b"\n%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF", "a.pdf", "application/pdf"),
    (PNG + SCRIPT, "a.png", "image/png"),
]


@pytest.mark.parametrize(("content", "name", "shown_as"), SHOWN)
async def test_two_things_at_once_are_shown_as_the_harmless_one(
    names: SampleTenant, content: bytes, name: str, shown_as: str
) -> None:
    file = await names.stored(content, name, media_type=BINARY)
    answer = await names.request("GET", f"/files/{file['id']}/content?inline=1")
    assert answer.headers["content-disposition"].startswith("inline;")
    assert answer.headers["content-type"] == shown_as
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    answer = await names.request("GET", f"/files/{file['id']}/content")
    assert answer.headers["content-disposition"].startswith("attachment;")
