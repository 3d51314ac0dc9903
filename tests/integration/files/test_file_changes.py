"""Looking files up, changing and deleting them, one by one and in batches."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from tests.file_service import MERGE_PATCH, FileService, SampleTenant

NO_FILE = "fs_" + "0" * 25


async def test_a_file_is_described_under_its_version(tenant: SampleTenant) -> None:
    file = await tenant.stored()
    answer = await tenant.request("GET", f"/files/{file['id']}")
    assert (answer.status_code, answer.json(), answer.headers["etag"]) == (200, file, '"m1"')
    head = await tenant.request("HEAD", f"/files/{file['id']}")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", '"m1"')
    for method in ("GET", "HEAD"):
        answer = await tenant.request(method, f"/files/{file['id']}", headers={"If-None-Match": '"m1"'})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"m1"')


async def test_a_change_is_seen_at_once_although_the_file_was_cached(tenant: SampleTenant) -> None:
    file = await tenant.stored()
    path = f"/files/{file['id']}"
    assert (await tenant.request("GET", path)).json()["version"] == 1
    answer = await tenant.patch(path, {"tags": ["x"], "metadata": {"a": 1}, "file_name": "b.txt"}, '"m1"')
    assert (answer.status_code, answer.headers["etag"]) == (200, '"m2"')
    changed = file | {"tags": ["x"], "metadata": {"a": 1}, "file_name": "b.txt", "version": 2}
    assert answer.json() == changed
    assert (await tenant.request("GET", path)).json() == changed


async def test_metadata_is_merged_and_null_removes(tenant: SampleTenant) -> None:
    path = f"/files/{(await tenant.stored())['id']}"
    for patch, expected in (
        ({"a": {"b": 1, "c": [1, {"d": None}]}}, {"a": {"b": 1, "c": [1, {"d": None}]}}),
        ({"a": {"b": None}, "e": "x"}, {"a": {"c": [1, {"d": None}]}, "e": "x"}),
        ({"a": 5}, {"a": 5, "e": "x"}),
        (None, {}),
    ):
        answer = await tenant.patch(path, {"metadata": patch}, "*")
        assert answer.json()["metadata"] == expected
    assert (await tenant.patch(path, {"tags": None}, "*")).json()["tags"] == []


@pytest.mark.parametrize(
    "value",
    [
        1e20,
        -1e300,
        2**64 - 1,
        -(2**63),
        0.1,
        1e-300,
        True,
        None,
        "ä\U0001f600\u2028\x7f\x01",
        "",
        [[], {}],
        12345678901234567890,
    ],
)
async def test_metadata_comes_back_as_it_was_given(tenant: SampleTenant, value: Any) -> None:
    path = f"/files/{(await tenant.stored())['id']}"
    assert (await tenant.patch(path, {"metadata": {"k": [value]}}, "*")).json()["metadata"] == {"k": [value]}
    for _ in ("from the database", "from the cache"):
        answer = await tenant.request("GET", path)
        assert answer.status_code == 200
        assert answer.json()["metadata"] == {"k": [value]}
    found = await tenant.request("GET", "/files")
    assert found.json()["items"][0]["metadata"] == {"k": [value]}


async def test_metadata_has_its_limits(tenant: SampleTenant) -> None:
    path = f"/files/{(await tenant.stored())['id']}"
    deep: Any = 1
    for _ in range(8):
        deep = {"a": deep}
    assert (await tenant.patch(path, {"metadata": deep}, "*")).status_code == 200
    for metadata in ({"a": deep}, {"k": "x" * 2**14}, {"k": "\0"}, {"\0": 1}):
        answer = await tenant.patch(path, {"metadata": metadata}, "*")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
        assert answer.json()["errors"][0]["pointer"].startswith("/metadata")
    # What is there already counts too.
    assert (await tenant.patch(path, {"metadata": {"one": "x" * 10_000}}, "*")).status_code == 200
    assert (await tenant.patch(path, {"metadata": {"two": "x" * 10_000}}, "*")).status_code == 422


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"tags": "x"}, "/tags"),
        ({"tags": [1]}, "/tags/0"),
        ({"tags": ["a", "b\0"]}, "/tags/1"),
        ({"tags": ["x"] * 101}, "/tags"),
        ({"file_name": None}, "/file_name"),
        ({"file_name": 5}, "/file_name"),
        ({"metadata": []}, "/metadata"),
        ([], ""),
    ],
)
async def test_a_bad_patch_is_refused_where_it_is_bad(tenant: SampleTenant, patch: Any, pointer: str) -> None:
    path = f"/files/{(await tenant.stored())['id']}"
    answer = await tenant.patch(path, patch, '"m1"')
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await tenant.request("GET", path)).json()["version"] == 1


@pytest.mark.parametrize("name", ["", "..", "a\0b", "a\nb", "x" * 256, "/", "\ud7ff" * 86, "a\u202eb"])
async def test_what_is_no_file_name_is_refused(tenant: SampleTenant, name: str) -> None:
    path = f"/files/{(await tenant.stored())['id']}"
    answer = await tenant.patch(path, {"file_name": name}, '"m1"')
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-file-name")


FIXED = ["id", "file_size_bytes", "media_type", "declared_media_type", "extension", "time_created", "sha256"]


@pytest.mark.parametrize("field", [*FIXED, "storage_path", "version", "tenant_id", "unknown", "state"])
async def test_everything_else_is_immutable(tenant: SampleTenant, field: str) -> None:
    path = f"/files/{(await tenant.stored())['id']}"
    answer = await tenant.patch(path, {field: "x", "tags": ["new"]}, '"m1"')
    assert (answer.status_code, answer.json()["code"]) == (422, "immutable-field")
    assert answer.json()["errors"][0]["pointer"] == f"/{field}"
    assert (await tenant.request("GET", path)).json()["tags"] == []


async def test_a_change_needs_the_version_that_was_seen(tenant: SampleTenant) -> None:
    path = f"/files/{(await tenant.stored())['id']}"
    answer = await tenant.patch(path, {"tags": ["a"]}, None)
    assert (answer.status_code, answer.json()["code"]) == (428, "precondition-required")
    answer = await tenant.patch(path, {"tags": ["a"]}, '"m2"')
    assert (answer.status_code, answer.json()["code"]) == (412, "version-conflict")
    answer = await tenant.request("PATCH", path, json={"tags": []}, headers={"If-Match": '"m1"'})
    assert (answer.status_code, answer.headers["accept-patch"]) == (415, MERGE_PATCH)
    assert (await tenant.patch(path, {}, '"m1"')).json()["version"] == 2


async def test_of_many_who_saw_the_same_version_one_changes_it(tenant: SampleTenant) -> None:
    path = f"/files/{(await tenant.stored())['id']}"
    patches = ({"metadata": {f"k{number}": number}} for number in range(20))
    answers = await asyncio.gather(*(tenant.patch(path, patch, '"m1"') for patch in patches))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    assert len((await tenant.request("GET", path)).json()["metadata"]) == 1


async def test_whoever_does_not_care_for_the_version_never_conflicts(tenant: SampleTenant) -> None:
    path = f"/files/{(await tenant.stored())['id']}"
    patches = ({"metadata": {f"k{number}": number}} for number in range(20))
    answers = await asyncio.gather(*(tenant.patch(path, patch, "*") for patch in patches))
    assert {answer.status_code for answer in answers} == {200}
    assert len((await tenant.request("GET", path)).json()["metadata"]) == 20


async def test_a_deleted_file_is_gone_with_its_bytes(service: FileService, tenant: SampleTenant) -> None:
    file = await tenant.stored()
    path = f"/files/{file['id']}"
    await tenant.request("GET", path)
    answer = await tenant.request("DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    for method, below in (("DELETE", ""), ("GET", ""), ("HEAD", ""), ("GET", "/content"), ("HEAD", "/content")):
        answer = await tenant.request(method, path + below)
        assert answer.status_code == 404
        assert method == "HEAD" or answer.json()["code"] == "not-found"
    assert (await tenant.patch(path, {"tags": []}, "*")).status_code == 404
    assert tenant.files_on_disk() == []
    assert (await tenant.stats())["total_bytes"] == 0
    async with service.services.database.reading_across_tenants() as session:
        assert await session.scalar(text("SELECT count(*) FROM files WHERE id = :id"), {"id": file["id"]}) == 0


async def test_of_many_who_delete_a_file_one_has_done_it(tenant: SampleTenant) -> None:
    path = f"/files/{(await tenant.stored())['id']}"
    answers = await asyncio.gather(*(tenant.request("DELETE", path) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 19
    assert (await tenant.stats())["file_count"] == 0


async def test_a_file_of_another_tenant_is_not_found(service: FileService, tenant: SampleTenant) -> None:
    other = await service.tenant()
    file = await other.stored()
    assert (await tenant.request("GET", f"/files/{file['id']}")).status_code == 404
    assert (await tenant.patch(f"/files/{file['id']}", {"tags": []}, "*")).status_code == 404
    assert (await tenant.request("DELETE", f"/files/{file['id']}")).status_code == 404
    for action in ("get", "delete"):
        answer = await tenant.request("POST", f"/files:batch-{action}", json={"ids": [file["id"]]})
        assert answer.json()["items"] == [{"id": file["id"], "status": 404}]
    assert (await other.request("GET", f"/files/{file['id']}/content")).status_code == 200


async def test_a_batch_tells_of_each_file_in_the_order_asked_for(tenant: SampleTenant) -> None:
    files = [await tenant.stored(b"%d" % number, f"{number}.txt") for number in range(3)]
    ids = [files[2]["id"], NO_FILE, files[0]["id"], files[2]["id"], "nonsense", "a\0b"]
    answer = await tenant.request("POST", "/files:batch-get", json={"ids": ids})
    assert answer.status_code == 200
    assert answer.json()["items"] == [
        {"id": files[2]["id"], "status": 200, "file": files[2]},
        {"id": NO_FILE, "status": 404},
        {"id": files[0]["id"], "status": 200, "file": files[0]},
        {"id": files[2]["id"], "status": 200, "file": files[2]},
        {"id": "nonsense", "status": 404},
        {"id": "a\0b", "status": 404},
    ]
    answer = await tenant.request("POST", "/files:batch-delete", json={"ids": ids})
    assert [item["status"] for item in answer.json()["items"]] == [204, 404, 204, 404, 404, 404]
    assert [item["id"] for item in answer.json()["items"]] == ids
    assert [item["id"] for item in (await tenant.request("GET", "/files")).json()["items"]] == [files[1]["id"]]


@pytest.mark.parametrize("action", ["get", "delete"])
@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": "x"}, {"ids": [1]}, {"ids": ["x"] * 1001}, [], {"id": "x"}])
async def test_a_batch_has_a_thousand_ids_at_most(tenant: SampleTenant, action: str, body: Any) -> None:
    answer = await tenant.request("POST", f"/files:batch-{action}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_a_thousand_files_are_asked_for_and_deleted_at_once(tenant: SampleTenant) -> None:
    files = [await tenant.stored(b"%d" % number) for number in range(3)]
    ids = [file["id"] for file in files] + [f"fs_{number:025}" for number in range(997)]
    for action, done in (("get", 200), ("delete", 204)):
        answer = await tenant.request("POST", f"/files:batch-{action}", json={"ids": ids})
        assert [item["status"] for item in answer.json()["items"]] == [done] * 3 + [404] * 997


@pytest.mark.parametrize(
    "file_id", ["x", "%00", "fs_%00", NO_FILE, "%ff", "a" * 2000, "fs_" + "A" * 25, "%F0%9F%98%80"]
)
async def test_an_id_that_is_none_is_not_found(tenant: SampleTenant, file_id: str) -> None:
    for method, below in (("GET", ""), ("GET", "/content"), ("DELETE", ""), ("PATCH", "")):
        headers = {"Content-Type": MERGE_PATCH, "If-Match": "*"}
        answer = await tenant.request(method, f"/files/{file_id}{below}", headers=headers, content=b"{}")
        assert answer.status_code in {404, 405}, (method, answer.text)
        assert answer.json()["code"] in {"not-found", "method-not-allowed"}
