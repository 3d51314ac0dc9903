"""Lists of files: filters, orders and cursors against a model in memory, and cursors that do not fit."""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import file_lists
from storage.identifiers import new_id
from storage.models import File
from tests.file_service import FileService, SampleTenant

START = datetime(2025, 1, 1, tzinfo=UTC)
NAMES = ["a.txt", "A.txt", "b%_.pdf", "Ärger.pdf", "z/\\.txt", "a", "日本.txt", "e\u0301.txt"]
TAGS = ["red", "blue", "with space", "ä"]
VALUES: list[Any] = ["x", 1, True, None, {"deep": [1]}, "1", 2.5]
SHA = ["ab" * 32, "cd" * 32]


@dataclass(frozen=True)
class Model:
    """The tenant's files as a list in memory."""

    files: list[dict[str, Any]]

    def page(self, query: list[tuple[str, str]], sort: str) -> list[str]:
        kept = [file for file in self.files if all(_matches(file, name, value) for name, value in query)]
        field = sort.removeprefix("-")
        kept.sort(key=lambda file: (file[field], file["id"]), reverse=sort.startswith("-"))
        return [file["id"] for file in kept]


def _shown(value: Any) -> str | None:
    """A JSON value as PostgreSQL's `->>` shows it."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _matches(file: dict[str, Any], name: str, value: str) -> bool:
    if name.startswith("meta."):
        key = name.removeprefix("meta.")
        return key in file["metadata"] and _shown(file["metadata"][key]) == value
    tests: dict[str, Callable[[], bool]] = {
        "name": lambda: value.lower() in file["file_name"].lower(),
        "extension": lambda: ("." + value.lower().removeprefix(".") if value else "") == file["extension"],
        "media_type": lambda: value == file["media_type"],
        "tag": lambda: value in file["tags"],
        "created_after": lambda: file["time_created"] > datetime.fromisoformat(value),
        "created_before": lambda: file["time_created"] < datetime.fromisoformat(value),
        "min_size": lambda: file["file_size_bytes"] >= int(value),
        "max_size": lambda: file["file_size_bytes"] <= int(value),
        "sha256": lambda: file["sha256"] == value.lower(),
    }
    return tests[name]()


def sample_files() -> list[dict[str, Any]]:
    """Many equal names, sizes and times, so that ids have to decide."""
    files = []
    for number in range(60):
        name = NAMES[number % len(NAMES)]
        stem, dot, extension = name.rpartition(".")
        files.append(
            {
                "id": new_id("fs"),
                "file_name": name,
                "file_size_bytes": number // 7 * 100,
                "media_type": ["text/plain", "application/pdf"][number % 2],
                "extension": dot + extension if stem else "",
                "time_created": START + timedelta(hours=number // 3),
                "tags": TAGS[: number % 5],
                "metadata": {"k": VALUES[number % len(VALUES)], "weird key.": "y"} if number % 3 else {},
                "sha256": SHA[number % 2],
            }
        )
    return files


@pytest.fixture(scope="module")
async def listed(service: FileService) -> SampleTenant:
    return await service.tenant()


@pytest.fixture(scope="module")
async def model(service: FileService, listed: SampleTenant) -> Model:
    tenant_id = (await listed.request("GET", "")).json()["id"]
    files = sample_files()
    async with service.services.database.transaction_across_tenants() as session:
        for file in files:
            fields = file | {"metadata_": file["metadata"], "tenant_id": tenant_id, "state": "active"}
            del fields["metadata"]
            session.add(File(**fields, storage_path=f"{listed.code}/2025-01/{file['id']}"))
        # Not whole yet: nobody sees it.
        path = f"{listed.code}/2025-01/fs_pending.txt"
        session.add(File(id=new_id("fs"), tenant_id=tenant_id, file_name="a.txt", storage_path=path, state="pending"))
    return Model(files)


NAME_PARTS = st.sampled_from(
    ["a", "A", "TXT", ".txt", "b%_", "%", "_", "\\", "z/\\", "ä", "ärg", "ÄRGER.PDF", "日", "日本.", ".", "none", "é"]
)
MOMENTS = st.sampled_from([(START + timedelta(hours=hours)).isoformat() for hours in (-1, 0, 3, 7, 19, 50)])
FILTERS = st.one_of(
    st.tuples(st.just("name"), NAME_PARTS),
    st.tuples(st.just("extension"), st.sampled_from(["txt", ".TXT", "pdf", "", ".doc"])),
    st.tuples(st.just("media_type"), st.sampled_from(["text/plain", "application/pdf", "image/png"])),
    st.tuples(st.just("tag"), st.sampled_from([*TAGS, "none", '"red"'])),
    st.tuples(st.sampled_from(["created_after", "created_before"]), MOMENTS),
    st.tuples(st.sampled_from(["min_size", "max_size"]), st.sampled_from(["0", "100", "300", "850"])),
    st.tuples(st.just("meta.k"), st.sampled_from(["x", "1", "true", '{"deep": [1]}', "2.5", "null", ""])),
    st.tuples(st.just("meta.weird key."), st.sampled_from(["y", "z"])),
    st.tuples(st.just("sha256"), st.sampled_from([SHA[0], SHA[1].upper()])),
)
# A parameter that may come once comes once.
QUERIES = st.lists(FILTERS, max_size=3, unique_by=lambda pair: pair[0] if pair[0] != "tag" else pair)
SORTS = st.sampled_from(
    [sign + field for sign in ("", "-") for field in ("time_created", "file_name", "file_size_bytes")]
)


# As large tenants meet them: of few files, every way to a page is soon at its bound, and the next one is taken.
BOUNDS = {"MET": 5, "MET_UNKNOWN": 3, "GATHERED": 4}


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=QUERIES, sort=SORTS, limit=st.sampled_from([1, 7, 50, 200]), large=st.booleans())
async def test_a_list_is_what_the_model_says_page_by_page(
    listed: SampleTenant, model: Model, query: list[tuple[str, str]], sort: str, limit: int, large: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, bound in BOUNDS.items() if large else ():
            patch.setattr(file_lists, name, bound)
        await _expect_pages(listed, query, sort, limit, model.page(query, sort))


async def _expect_pages(
    listed: SampleTenant, query: list[tuple[str, str]], sort: str, limit: int, expected: list[str]
) -> None:
    found: list[str] = []
    cursor: list[tuple[str, str]] = []
    while True:
        answer = await listed.request("GET", "/files", params=[*query, ("sort", sort), ("limit", str(limit)), *cursor])
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            assert "link" not in answer.headers
            break
        assert len(page["items"]) == limit
        cursor = [("cursor", page["next_cursor"])]
        if len(found) > 6 * limit and limit < 50:
            # Far enough: the rest in one page.
            limit = 200
    assert found == expected


async def test_the_first_page_has_fifty_files_in_order_of_creation(listed: SampleTenant, model: Model) -> None:
    page = (await listed.request("GET", "/files")).json()
    assert [item["id"] for item in page["items"]] == model.page([], "time_created")[:50]


async def test_the_link_leads_to_the_next_page_with_the_same_filters(listed: SampleTenant, model: Model) -> None:
    query = [("tag", "with space"), ("tag", "red"), ("meta.weird key.", "y"), ("sort", "-file_name"), ("limit", "4")]
    found: list[str] = []
    answer = await listed.request("GET", "/files", params=query)
    while True:
        found += [item["id"] for item in answer.json()["items"]]
        if "link" not in answer.headers:
            break
        target, _, relation = answer.headers["link"].partition(">; ")
        assert relation == 'rel="next"'
        answer = await listed.service.http.get(target.removeprefix("<"), headers=listed.headers)
    assert found == model.page(query[:3], "-file_name")


async def test_files_that_come_and_go_do_not_move_the_pages(tenant: SampleTenant) -> None:
    files = [await tenant.stored(b"%d" % number) for number in range(6)]
    page = (await tenant.request("GET", "/files?limit=3")).json()
    await asyncio.gather(*(tenant.request("DELETE", f"/files/{file['id']}") for file in files[:4]))
    await tenant.stored(b"new")
    rest = (await tenant.request("GET", "/files", params={"limit": 3, "cursor": page["next_cursor"]})).json()
    assert [item["id"] for item in rest["items"]][:2] == [file["id"] for file in files[4:]]
    assert len(rest["items"]) == 3


@pytest.mark.usefixtures("model")
async def test_a_cursor_is_good_only_for_its_list(listed: SampleTenant) -> None:
    first = {"sort": "file_name", "limit": "2", "name": "a"}
    cursor = (await listed.request("GET", "/files", params=first)).json()["next_cursor"]
    assert (await listed.request("GET", "/files", params=first | {"cursor": cursor})).status_code == 200
    # The size of a page is no part of the list.
    assert (await listed.request("GET", "/files", params=first | {"cursor": cursor, "limit": "9"})).status_code == 200
    for change in ({"sort": "-file_name"}, {"sort": "time_created"}, {"name": "b"}, {"tag": "red"}, {"meta.k": "x"}):
        answer = await listed.request("GET", "/files", params=first | change | {"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-cursor")
    other = await listed.service.tenant()
    answer = await other.request("GET", "/files", params=first | {"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-cursor")


def forged(cursor: str, *rest: Any) -> str:
    fingerprint = json.loads(base64.urlsafe_b64decode(cursor + "=="))[0]
    return base64.urlsafe_b64encode(json.dumps([fingerprint, *rest]).encode()).rstrip(b"=").decode()


NONSENSE: list[Any] = [
    None,
    True,
    -1,
    2**63,
    2**64,
    1e300,
    "x",
    "a\0b",
    "2025-01-01T00:00:00",
    "0001-01-01T00:00:00+14:00",
    [],
    {},
]


@pytest.mark.parametrize("sort", ["time_created", "file_name", "file_size_bytes"])
async def test_a_forged_cursor_is_refused_or_harmless(listed: SampleTenant, model: Model, sort: str) -> None:
    """The form of a cursor is no secret: whoever knows it can ask for a list after any value."""
    params = {"sort": sort, "limit": "1"}
    cursor = (await listed.request("GET", "/files", params=params)).json()["next_cursor"]
    for value in NONSENSE:
        for file_id in (model.files[0]["id"], "x", "a\0b", None, 5):
            answer = await listed.request("GET", "/files", params=params | {"cursor": forged(cursor, value, file_id)})
            assert answer.status_code in {200, 400}, (value, file_id, answer.text)
    for text in ("", "x", "é", "AAAA", "W10", cursor[:-3], cursor + "AAAA", "=" * 10, "a" * 10_000):
        answer = await listed.request("GET", "/files", params=params | {"cursor": text})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-cursor")


@pytest.mark.parametrize(
    ("name", "value", "pointer"),
    [
        ("limit", "0", "limit"),
        ("limit", "201", "limit"),
        ("limit", "ten", "limit"),
        ("sort", "size", "sort"),
        ("sort", "--file_name", "sort"),
        ("sort", "", "sort"),
        ("min_size", "-1", "min_size"),
        ("max_size", str(2**63), "max_size"),
        ("created_after", "2025-01-01T00:00:00", "created_after"),
        ("created_after", "yesterday", "created_after"),
        ("created_before", "0001-01-01T00:00:00+14:00", "created_before"),
        ("created_before", "1e300", "created_before"),
        ("sha256", "ab", "sha256"),
        ("name", "", "name"),
        ("name", "x" * 256, "name"),
        ("name", "a\0b", "query"),
        ("extension", "a\0b", "query"),
        ("media_type", "a\0b", "query"),
        ("tag", "a\0b", "query"),
        ("meta.a\0b", "x", "query"),
        ("meta.a", "a\0b", "query"),
    ],
)
async def test_a_bad_parameter_is_named(listed: SampleTenant, name: str, value: str, pointer: str) -> None:
    answer = await listed.request("GET", "/files", params={name: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_only_so_many_values_of_metadata_are_asked_for(listed: SampleTenant) -> None:
    for count, status in ((20, 200), (21, 422)):
        params = [(f"meta.k{number}", "x") for number in range(count)]
        assert (await listed.request("GET", "/files", params=params)).status_code == status


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["name", "extension", "media_type", "tag", "meta.k", "meta.", "meta.\0", "sort", "cursor"])
        | st.sampled_from(["limit", "created_after", "min_size", "sha256", "unknown"]),
        st.text(max_size=30) | st.integers().map(str) | st.sampled_from(["\0", "%00", "'", "'; --", "\\", "\ufffe"]),
        max_size=3,
    )
)
async def test_no_query_is_a_defect(listed: SampleTenant, params: dict[str, str]) -> None:
    answer = await listed.request("GET", "/files", params=httpx.QueryParams(params))
    assert answer.status_code in {200, 400, 422}, (params, answer.text)


NAMES_OF_EVERY_KIND = [
    "simple.txt",
    "with space.txt",
    "ünïcödé.txt",
    "日本語のファイル.txt",
    "😀.txt",
    "e\u0301.txt",
    'quo"te.txt',
    "semi;colon, comma=equals.txt",
    "per%cent%41.txt",
    "plus+.txt",
    ".hidden",
    "no-extension",
    "two.dots.tar.txt",
    "'single'.txt",
    "tick`.txt",
    "<script>.txt",
    "trailing .txt",
    "x" * 251 + ".txt",
]


async def test_names_of_every_kind_come_back_as_they_went_in(tenant: SampleTenant) -> None:
    stored: dict[str, str] = {}
    for name in NAMES_OF_EVERY_KIND:
        raw = await tenant.request(
            "POST",
            "/files",
            content=b"text",
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{_quoted(name)}",
                "Content-Type": "text/plain",
            },
        )
        form = await tenant.upload(b"text", name)
        for answer in (raw, form):
            assert answer.status_code == 201, (name, answer.text)
            stored[answer.json()["id"]] = name
    listed = (await tenant.request("GET", "/files?limit=200")).json()["items"]
    assert {item["id"]: item["file_name"] for item in listed} == stored
    for file_id, name in stored.items():
        header = (await tenant.request("HEAD", f"/files/{file_id}/content")).headers["content-disposition"]
        assert header.endswith(f"filename*=UTF-8''{_quoted(name)}")
        found = (await tenant.request("GET", "/files", params={"name": name})).json()["items"]
        assert {item["file_name"] for item in found} == {name}


def _quoted(name: str) -> str:
    return quote(name, safe="!#$&+-.^_`|~")
