"""What tus 1.0.0 says that a server must do, and some of what it should."""

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from tests.file_service import FileService, SampleTenant
from tests.resumable_client import NAMED, PIECE, TUS, SampleUpload, begin, begun, described

TEXT = b"some text that comes in pieces"


def digest(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


async def in_chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


# The core protocol and its headers


@pytest.mark.parametrize("path", ["/uploads", "/uploads/up_any"])
async def test_options_tell_what_there_is_whatever_version_is_sent(tenant: SampleTenant, path: str) -> None:
    for headers in ({}, {"Tus-Resumable": "0.2.2"}):
        answer = await tenant.request("OPTIONS", path, headers=headers)
        assert answer.status_code == 204
        assert answer.headers["tus-version"] == "1.0.0"
        assert answer.headers["tus-extension"].split(",") == [
            "creation",
            "creation-defer-length",
            "creation-with-upload",
            "expiration",
            "checksum",
            "termination",
        ]
        assert answer.headers["tus-checksum-algorithm"] == "sha256,sha1"
        assert answer.headers["tus-max-size"] == str(5 * 2**30)


async def test_the_largest_size_is_the_tenants_own(service: FileService) -> None:
    tenant = await service.tenant(max_file_size_bytes=1000)
    assert (await tenant.request("OPTIONS", "/uploads")).headers["tus-max-size"] == "1000"


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1"])
@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
async def test_another_version_is_refused_before_anything_is_done(
    tenant: SampleTenant, method: str, version: str | None
) -> None:
    upload = await begun(tenant, len(TEXT))
    headers = NAMED | PIECE | {"Upload-Length": "5", "Upload-Offset": "0"}
    headers |= {"Tus-Resumable": version} if version else {}
    path = "/uploads" if method == "POST" else upload.path
    answer = await tenant.request(method, path, headers=headers, content=b"" if method == "HEAD" else b"12345")
    assert answer.status_code == 412
    assert (answer.headers["tus-version"], answer.headers["tus-resumable"]) == ("1.0.0", "1.0.0")
    assert await upload.offset() == 0
    assert (await tenant.stats())["reserved_bytes"] == len(TEXT)


async def test_every_answer_names_the_version(service: FileService, tenant: SampleTenant) -> None:
    upload = await begun(tenant, len(TEXT))
    answers = [
        await begin(tenant, Upload_Length="1"),
        await begin(tenant),
        await upload.head(),
        await upload.send(b"x", 7),
        await upload.send(TEXT, 0),
        await upload.request("PUT"),
        await tenant.request("HEAD", "/uploads/up_none", headers=TUS),
        await service.http.head(f"{tenant.path}{upload.path}", headers=TUS | {"Authorization": "Bearer wrong"}),
        await upload.request("DELETE"),
        await upload.request("GET"),
    ]
    assert [answer.status_code for answer in answers] == [201, 400, 200, 409, 204, 405, 404, 401, 204, 405]
    assert {answer.headers["tus-resumable"] for answer in answers} == {"1.0.0"}


async def test_other_paths_are_not_concerned(tenant: SampleTenant) -> None:
    answer = await tenant.request("GET", "/files")
    assert answer.status_code == 200
    assert "tus-resumable" not in answer.headers


@pytest.mark.parametrize("method", ["PATCH", "patch", "DELETE", "HEAD"])
async def test_the_method_may_be_named_by_a_header(tenant: SampleTenant, method: str) -> None:
    upload = await begun(tenant, len(TEXT))
    headers = {"X-HTTP-Method-Override": method, "Upload-Offset": "0"} | PIECE
    answer = await upload.request("POST", headers=headers, content=TEXT if method.upper() == "PATCH" else b"")
    expected = {"PATCH": (204, str(len(TEXT))), "HEAD": (200, "0"), "DELETE": (204, None)}[method.upper()]
    assert (answer.status_code, answer.headers.get("upload-offset")) == expected


# Looking up


async def test_head_tells_offset_length_and_description_and_may_not_be_kept(tenant: SampleTenant) -> None:
    description = described(filename="a.txt") + ",is_confidential,empty "
    upload = await begun(tenant, len(TEXT), Upload_Metadata=description)
    for expected, piece in enumerate((TEXT[:1], TEXT[1:])):
        head = await upload.head()
        assert head.status_code == 200
        assert head.headers["upload-offset"] == str(expected)
        assert head.headers["upload-length"] == str(len(TEXT))
        assert head.headers["upload-metadata"] == description
        assert head.headers["cache-control"] == "no-store"
        assert "x-file-id" not in head.headers
        await upload.send(piece, expected)
    head = await upload.head()
    assert head.headers["upload-offset"] == str(len(TEXT))
    assert head.headers["x-file-id"].startswith("fs_")


@pytest.mark.parametrize("upload_id", ["up_none", "fs_" + "a" * 25, "up_" + "a" * 25, "%00"])
@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
async def test_an_upload_that_is_not_there_is_not_found(tenant: SampleTenant, method: str, upload_id: str) -> None:
    headers = TUS | PIECE | {"Upload-Offset": "0"}
    answer = await tenant.request(method, f"/uploads/{upload_id}", headers=headers)
    assert answer.status_code == 404
    assert "upload-offset" not in answer.headers


# Going on


async def test_pieces_become_a_file_like_any_other(tenant: SampleTenant) -> None:
    description = described(
        filename="Résumé.TXT",
        filetype="text/plain; charset=utf-8",
        tags='["one", "two"]',
        metadata='{"case": {"number": 7}}',
        relativePath="is/ours/alone",
    )
    upload = await begun(tenant, len(TEXT), Upload_Metadata=description)
    for start in range(0, len(TEXT), 7):
        answer = await upload.send(TEXT[start : start + 7], start)
        assert answer.status_code == 204
        assert answer.headers["upload-offset"] == str(min(start + 7, len(TEXT)))
    file = (await tenant.request("GET", f"/files/{answer.headers['x-file-id']}")).json()
    assert file["file_name"] == "Résumé.TXT"
    assert file["declared_media_type"] == file["media_type"] == "text/plain"
    assert (file["tags"], file["metadata"]) == (["one", "two"], {"case": {"number": 7}})
    assert (file["file_size_bytes"], file["extension"]) == (len(TEXT), ".txt")
    assert file["sha256"] == hashlib.sha256(TEXT).hexdigest()
    assert await upload.content() == TEXT
    stats = await tenant.stats()
    assert (stats["file_count"], stats["total_bytes"], stats["reserved_bytes"]) == (1, len(TEXT), 0)
    assert len(tenant.files_on_disk()) == 1


async def test_a_body_of_unknown_length_is_taken(tenant: SampleTenant) -> None:
    upload = await begun(tenant, len(TEXT))
    answer = await upload.send(in_chunks(TEXT[:5], b"", TEXT[5:]), 0)
    assert (answer.status_code, await upload.content()) == (204, TEXT)


@pytest.mark.parametrize("offset", [0, 4, 6, len(TEXT)])
async def test_another_offset_is_a_conflict_that_changes_nothing(tenant: SampleTenant, offset: int) -> None:
    upload = await begun(tenant, len(TEXT))
    await upload.send(TEXT[:5], 0)
    answer = await upload.send(b"x", offset)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload-offset-mismatch")
    assert await upload.offset() == 5
    await upload.send(TEXT[5:], 5)
    assert await upload.content() == TEXT


@pytest.mark.parametrize("media_type", ["application/octet-stream", "", "multipart/form-data; boundary=b"])
async def test_bytes_of_another_type_are_refused(tenant: SampleTenant, media_type: str) -> None:
    upload = await begun(tenant, len(TEXT))
    answer = await upload.send(TEXT, 0, Content_Type=media_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")
    assert await upload.offset() == 0


async def test_a_piece_says_its_type_although_it_is_empty(tenant: SampleTenant) -> None:
    upload = await begun(tenant, len(TEXT))
    answer = await upload.request("PATCH", headers={"Upload-Offset": "0"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")


@pytest.mark.parametrize("offset", ["", "-1", "1.0", "0x1", "one", "+1", "٣".encode(), "9" * 31])
async def test_an_offset_is_a_number(tenant: SampleTenant, offset: str | bytes) -> None:
    upload = await begun(tenant, len(TEXT))
    raw = {k.encode(): v.encode() for k, v in (TUS | PIECE).items()}
    raw[b"Upload-Offset"] = offset.encode() if isinstance(offset, str) else offset
    headers = raw | {k.encode(): v.encode() for k, v in tenant.headers.items()}
    answer = await tenant.service.http.patch(tenant.path + upload.path, headers=headers, content=TEXT)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")


async def test_an_offset_is_needed(tenant: SampleTenant) -> None:
    upload = await begun(tenant, len(TEXT))
    assert (await upload.request("PATCH", headers=PIECE, content=TEXT)).status_code == 400


@pytest.mark.parametrize("chunked", [False, True])
async def test_more_bytes_than_the_length_are_refused(tenant: SampleTenant, *, chunked: bool) -> None:
    upload = await begun(tenant, 10)
    await upload.send(b"12345", 0)
    answer = await upload.send(in_chunks(b"678", b"90", b"1") if chunked else b"678901", 5)
    assert (answer.status_code, answer.json()["code"]) == (413, "upload-length-exceeded")
    assert await upload.offset() == 5
    await upload.send(b"67890", 5)
    assert await upload.content() == b"1234567890"


async def test_the_answer_that_was_lost_is_given_again(tenant: SampleTenant) -> None:
    """The client asks with HEAD, or sends nothing at the end; both tell it the file."""
    upload = await begun(tenant, len(TEXT))
    first = await upload.send(TEXT, 0)
    for again in (await upload.send(b"", len(TEXT)), await upload.send(in_chunks(b""), len(TEXT)), await upload.head()):
        assert again.is_success
        assert again.headers["upload-offset"] == str(len(TEXT))
        assert again.headers["x-file-id"] == first.headers["x-file-id"]
        assert "upload-expires" not in again.headers
    for more in (b"x", in_chunks(b"x")):
        assert (await upload.send(more, len(TEXT))).status_code == 413
    assert (await upload.send(TEXT, 0)).status_code == 409
    assert (await tenant.stats())["file_count"] == 1


# Creation


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload_Length": "5", "Upload_Defer_Length": "1"},
        {"Upload_Defer_Length": "2"},
        {"Upload_Length": "5", "Upload_Defer_Length": "0"},
        {"Upload_Length": "-1"},
        {"Upload_Length": "five"},
        {"Upload_Length": ""},
    ],
)
async def test_a_length_is_said_or_deferred(tenant: SampleTenant, headers: dict[str, str]) -> None:
    answer = await begin(tenant, **headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")
    assert (await tenant.stats())["reserved_bytes"] == 0


@pytest.mark.parametrize("length", [str(5 * 2**30 + 1), "9" * 20])
async def test_more_than_the_largest_size_is_refused(tenant: SampleTenant, length: str) -> None:
    answer = await begin(tenant, Upload_Length=length)
    assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")
    assert answer.headers["tus-max-size"] == str(5 * 2**30)


@pytest.mark.parametrize(
    "description",
    [
        "filename",
        "filename !!!!",
        "filename YQ==,filename Yg==",
        "filename YQ==,",
        ",filename YQ==",
        "filename YQ==, ,other Yg==",
        "filename YQ== Yg==",
        "filename YQ",
        "filename /////w==",
        described(filename="a.txt", tags="[1]"),
        described(filename="a.txt", tags="nonsense"),
        described(filename="a.txt", metadata="[]"),
        described(filename="a.txt", filetype="text/\nplain"),
        described(filename="a.txt", filetype=b"\xff"),
        described(filename="a\nb"),
        described(name="a.txt"),
        "",
    ],
)
async def test_a_description_that_cannot_be_read_is_refused(tenant: SampleTenant, description: str) -> None:
    answer = await begin(tenant, Upload_Length="5", Upload_Metadata=description)
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"bad-request", "invalid-request", "invalid-file-name"}
    assert (await tenant.stats())["reserved_bytes"] == 0


async def test_a_space_after_a_comma_is_no_part_of_a_key(tenant: SampleTenant) -> None:
    answer = await begin(tenant, Upload_Length="0", Upload_Metadata=described(x="y") + ", " + described(filename="b"))
    assert answer.status_code == 201


async def test_the_file_must_be_named(tenant: SampleTenant) -> None:
    headers = TUS | {"Upload-Length": "5"}
    answer = await tenant.request("POST", "/uploads", headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "Upload-Metadata")


async def test_an_empty_file_is_there_at_once(tenant: SampleTenant) -> None:
    answer = await begin(tenant, Upload_Length="0")
    assert answer.status_code == 201
    assert (answer.headers["upload-offset"], "upload-expires" in answer.headers) == ("0", False)
    file = (await tenant.request("GET", f"/files/{answer.headers['x-file-id']}")).json()
    assert file["file_size_bytes"] == 0


async def test_bytes_that_are_no_piece_are_refused_at_creation(tenant: SampleTenant) -> None:
    for content in (TEXT, in_chunks(TEXT)):
        headers = TUS | NAMED | {"Upload-Length": str(len(TEXT)), "Content-Type": "text/plain"}
        answer = await tenant.request("POST", "/uploads", headers=headers, content=content)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")
    assert (await tenant.stats())["reserved_bytes"] == 0


# Creation with deferred length


async def test_a_length_may_come_later(tenant: SampleTenant) -> None:
    upload = await begun(tenant, None)
    for start in (0, 5):
        head = await upload.head()
        assert head.headers["upload-defer-length"] == "1"
        assert "upload-length" not in head.headers
        await upload.send(TEXT[start : start + 5], start)
    assert (await tenant.stats())["reserved_bytes"] == 10
    answer = await upload.send(TEXT[10:12], 10, Upload_Length=str(len(TEXT)))
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "12")
    head = await upload.head()
    assert (head.headers["upload-length"], "upload-defer-length" in head.headers) == (str(len(TEXT)), False)
    assert (await tenant.stats())["reserved_bytes"] == len(TEXT)
    await upload.send(TEXT[12:], 12, Upload_Length=str(len(TEXT)))
    assert await upload.content() == TEXT


async def test_a_length_may_come_after_the_last_byte(tenant: SampleTenant) -> None:
    upload = await begun(tenant, None)
    await upload.send(TEXT, 0)
    answer = await upload.send(b"", len(TEXT), Upload_Length=str(len(TEXT)))
    assert answer.status_code == 204
    assert await upload.content() == TEXT


async def test_a_length_that_was_said_stays(tenant: SampleTenant) -> None:
    for upload in (await begun(tenant, 10), await begun(tenant, None)):
        await upload.send(b"12345", 0, Upload_Length="10")
        answer = await upload.send(b"6", 5, Upload_Length="11")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")
        assert (await upload.head()).headers["upload-length"] == "10"


async def test_a_length_is_not_less_than_what_is_there(tenant: SampleTenant) -> None:
    upload = await begun(tenant, None)
    await upload.send(b"12345", 0)
    assert (await upload.send(b"", 5, Upload_Length="4")).status_code == 413
    assert await upload.offset() == 5


# Creation with upload


async def test_a_whole_file_may_come_with_its_creation(tenant: SampleTenant) -> None:
    answer = await begin(tenant, TEXT, Upload_Length=str(len(TEXT)))
    assert answer.status_code == 201
    assert answer.headers["upload-offset"] == str(len(TEXT))
    download = await tenant.request("GET", f"/files/{answer.headers['x-file-id']}/content")
    assert download.content == TEXT


async def test_the_first_piece_may_come_with_the_creation(tenant: SampleTenant) -> None:
    answer = await begin(tenant, TEXT[:5], Upload_Length=str(len(TEXT)))
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "5")
    assert "x-file-id" not in answer.headers
    upload = SampleUpload(tenant, answer.headers["location"].rpartition("/")[2])
    await upload.send(TEXT[5:], 5)
    assert await upload.content() == TEXT


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Upload_Length": "5"}, 413), ({"Upload_Length": "30", "Upload_Checksum": digest("sha1", b"other")}, 460)],
)
async def test_a_creation_whose_bytes_are_refused_leaves_nothing(
    tenant: SampleTenant, headers: dict[str, str], status: int
) -> None:
    assert (await begin(tenant, TEXT, **headers)).status_code == status
    assert (await tenant.stats())["reserved_bytes"] == 0
    assert tenant.files_on_disk() == []


# Expiration


async def test_every_answer_about_an_unfinished_upload_tells_until_when_it_lives(tenant: SampleTenant) -> None:
    made = await begin(tenant, Upload_Length=str(len(TEXT)))
    upload = SampleUpload(tenant, made.headers["location"].rpartition("/")[2])
    answers = [made, await upload.head(), await upload.send(TEXT[:5], 0), await upload.send(TEXT, 0)]
    for answer in answers:
        assert answer.headers["upload-expires"].endswith(" GMT")
        left = parsedate_to_datetime(answer.headers["upload-expires"]) - datetime.now(UTC)
        assert 86_000 < left.total_seconds() <= 86_400
    assert "upload-expires" not in (await upload.send(TEXT[5:], 5)).headers


# Checksum


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
async def test_pieces_may_be_checked(tenant: SampleTenant, algorithm: str) -> None:
    upload = await begun(tenant, len(TEXT))
    for start in (0, 15):
        piece = TEXT[start : start + 15]
        answer = await upload.send(piece, start, Upload_Checksum=digest(algorithm, piece))
        assert answer.status_code == 204
    assert await upload.content() == TEXT


async def test_a_piece_with_another_checksum_is_discarded(tenant: SampleTenant) -> None:
    upload = await begun(tenant, len(TEXT))
    await upload.send(TEXT[:5], 0)
    answer = await upload.send(TEXT[5:], 5, Upload_Checksum=digest("sha256", b"other"))
    assert (answer.status_code, answer.json()["code"]) == (460, "checksum-mismatch")
    assert answer.headers["upload-expires"]
    assert await upload.offset() == 5
    assert [path.stat().st_size for path in tenant.files_on_disk()] == [5]
    await upload.send(TEXT[5:], 5, Upload_Checksum=digest("sha256", TEXT[5:]))
    assert await upload.content() == TEXT


@pytest.mark.parametrize(
    "header", ["md5 rL0Y20zC+Fzt72VPzMSk2A==", "SHA1 a", "sha1", "sha1 !", "sha1 YQ==", "", "sha256"]
)
async def test_a_checksum_that_cannot_be_checked_is_refused(tenant: SampleTenant, header: str) -> None:
    upload = await begun(tenant, len(TEXT))
    answer = await upload.send(TEXT, 0, Upload_Checksum=header)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")
    assert await upload.offset() == 0


# Termination


@pytest.mark.parametrize("sent", [0, 5])
async def test_an_upload_that_is_ended_leaves_nothing(tenant: SampleTenant, sent: int) -> None:
    upload = await begun(tenant, len(TEXT))
    if sent:
        await upload.send(TEXT[:sent], 0)
    assert (await upload.request("DELETE")).status_code == 204
    for answer in (await upload.head(), await upload.send(TEXT, 0), await upload.request("DELETE")):
        assert answer.status_code == 404
    stats = await tenant.stats()
    assert (stats["file_count"], stats["reserved_bytes"], tenant.files_on_disk()) == (0, 0, [])


async def test_a_finished_upload_is_forgotten_and_its_file_stays(tenant: SampleTenant) -> None:
    upload = await begun(tenant, len(TEXT))
    file_id = (await upload.send(TEXT, 0)).headers["x-file-id"]
    assert (await upload.request("DELETE")).status_code == 204
    assert (await upload.head()).status_code == 404
    assert (await tenant.request("GET", f"/files/{file_id}/content")).content == TEXT


async def test_an_upload_goes_with_its_file(tenant: SampleTenant) -> None:
    upload = await begun(tenant, len(TEXT))
    file_id = (await upload.send(TEXT, 0)).headers["x-file-id"]
    assert (await tenant.request("DELETE", f"/files/{file_id}")).status_code == 204
    assert (await upload.head()).status_code == 404
