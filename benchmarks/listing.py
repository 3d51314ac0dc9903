"""Lists in a tenant of a thousand files and in one of a million: first and last pages, every order, usual filters."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import repeat
from statistics import median, quantiles
from urllib.parse import urlencode

import asyncpg

from benchmarks.instance import Instance
from benchmarks.load import Target, download, each_once
from serve_apps.files.list_query import list_fingerprint
from serve_apps.paging import Cursor
from storage.file_filters import FileFilter
from storage.file_lists import SORT_FIELDS, FileOrder

SIZES = {"small": 1000, "large": 1_000_000}
REQUESTS = 20
REPEATS = 3
PAGE = 50

# Numbers are spread over the rows by multiplying with primes, so that what is alike does not lie together.
ROWS = """
    INSERT INTO files (
        id, tenant_id, file_name, file_size_bytes, media_type, declared_media_type, extension, time_created, tags,
        metadata, sha256, storage_path, state
    )
    SELECT id, $1, word || '-' || to_char(time, 'YYYY-MM-DD') || '-' || spread || extension, 200 + spread::bigint * 37,
        media_type, media_type, extension, time,
        to_json(array_remove(ARRAY['year-' || extract(year FROM time), CASE WHEN spread % 2 = 0 THEN 'reviewed' END,
            CASE WHEN spread % 50 = 0 THEN 'urgent' END, CASE WHEN spread = 7 THEN 'litigation' END], NULL)),
        jsonb_build_object('customer', 'C-' || spread % 20000,
            'status', (ARRAY['open', 'done', 'paid'])[spread % 3 + 1], 'pages', spread % 40, 'checked', spread % 4 = 0),
        encode(sha256(id::bytea), 'hex'), $2 || '/2020-01/' || id || extension, 'active'
    FROM generate_series(0, $3::int - 1) AS number,
    LATERAL (SELECT (number * 7919::bigint % $3)::int AS spread,
        timestamptz '2016-01-01Z' + number * interval '5 min' AS time,
        'fs_' || substr(md5(number || $2) || md5($2 || number), 1, 25) AS id) AS of_the_number,
    LATERAL (SELECT (ARRAY['invoice', 'report', 'contract', 'scan', 'Übersicht'])[spread % 5 + 1] AS word,
        (ARRAY['.pdf', '.docx', '.jpg', '.txt'])[spread % 4 + 1] AS extension, (ARRAY['application/pdf',
        'application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'image/jpeg', 'text/plain'])
        [spread % 4 + 1] AS media_type) AS of_the_spread
"""
COUNTERS = """
    UPDATE tenants SET (file_count, total_bytes) =
        (SELECT count(*), sum(file_size_bytes) FROM files WHERE tenant_id = $1) WHERE _id = $1
"""

FILTERS = {
    "no filter": FileFilter(),
    "tag of one file": FileFilter(tags=("litigation",)),
    "tag of 2 %": FileFilter(tags=("urgent",)),
    "tag of 50 %": FileFilter(tags=("reviewed",)),
    "metadata of 50 files": FileFilter(metadata=(("customer", "C-42"),)),
    "metadata of 33 %": FileFilter(metadata=(("status", "done"),)),
    "name of one file": FileFilter(name="-777."),
    "name of 20 %": FileFilter(name="REPORT"),
    "name of no file": FileFilter(name="nowhere"),
    "extension of 25 %": FileFilter(extension=".pdf"),
    "extension of no file": FileFilter(extension=".exe"),
    "the largest files": FileFilter(min_size=36_000),
    "one day": FileFilter(
        created_after=datetime(2016, 1, 2, tzinfo=UTC), created_before=datetime(2016, 1, 3, tzinfo=UTC)
    ),
}


@dataclass(frozen=True)
class Side:
    """One tenant's list."""

    code: str
    target: Target

    @property
    def path(self) -> str:
        return f"/v1/tenants/{self.code}/files"

    def address(self, chosen: FileFilter, order: FileOrder, cursor: str | None = None) -> str:
        query = [*_query(chosen), ("sort", ("-" if order.descending else "") + order.field)]
        return f"{self.path}?{urlencode(query + ([('cursor', cursor)] if cursor else []))}"

    def last_page(self, chosen: FileFilter, order: FileOrder) -> str | None:
        """The cursor of the last page; None where the first one is the last."""
        reversed_order = replace(order, descending=not order.descending)
        answer = download(self.target, self.address(chosen, reversed_order))
        items = json.loads(answer.body)["items"]
        if len(items) < PAGE:
            return None
        return Cursor(items[-1][order.field], items[-1]["id"]).encode(list_fingerprint(self.code, chosen, order))

    def milliseconds(self, address: str) -> list[float]:
        request = self.target.request("GET", address)
        return [
            1000 * seconds for seconds in each_once(self.target, repeat(request, REQUESTS), 1).expect(200).latencies
        ]


def run(instance: Instance) -> str:
    """Both tenants in turn, so that noise meets both alike. Times are those of a client on the service's own port."""
    sides = {name: _side(instance, name) for name in SIZES}
    lines = [f"Lists: pages of {PAGE} files, milliseconds at the median (95th percentile)", _line(HEADING)]
    ratios = []
    for case, chosen in FILTERS.items():
        for field in SORT_FIELDS:
            for descending in (False, True):
                for row, ratio in _measured(sides, chosen, FileOrder(field, descending=descending)):
                    lines.append(_line((case, *row)))
                    ratios.append(ratio)
    worst, middle = max(ratios), median(ratios)
    return "\n".join([*lines, f"a million against a thousand: {middle:.2f} at the median, {worst:.2f} at the worst"])


HEADING = ("filter", "sort", "page", f"{SIZES['small']:,} files", f"{SIZES['large']:,} files", "ratio")


def _line(cells: tuple[str, ...]) -> str:
    return "".join(f"{cell:{width}}" for cell, width in zip(cells, (24, 18, 8, 20, 20, 8), strict=True)).rstrip()


def _measured(sides: dict[str, Side], chosen: FileFilter, order: FileOrder) -> Iterator[tuple[tuple[str, ...], float]]:
    sort = ("-" if order.descending else "") + order.field
    last = {name: side.last_page(chosen, order) for name, side in sides.items()}
    pages: list[tuple[str, dict[str, str | None]]] = [("first", dict.fromkeys(sides))]
    if last["large"] is not None:
        pages.append(("last", last))
    for page, cursors in pages:
        addresses = {name: side.address(chosen, order, cursors[name]) for name, side in sides.items()}
        found: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(REPEATS):
            for name, side in sides.items():
                found[name] += side.milliseconds(addresses[name])
        middles = {name: median(figures) for name, figures in found.items()}
        ratio = middles["large"] / middles["small"]
        cells = [f"{middles[name]:.1f} ({quantiles(found[name], n=20)[-1]:.1f})" for name in sides]
        yield (sort, page, *cells, f"{ratio:.2f}"), ratio


def _query(chosen: FileFilter) -> list[tuple[str, str]]:
    """The parameters that ask for it."""
    given = {name: value for name, value in asdict(chosen).items() if value not in (None, ())}
    query = [("tag", tag) for tag in given.pop("tags", ())]
    query += [(f"meta.{key}", value) for key, value in given.pop("metadata", ())]
    return query + [
        (name, value.isoformat() if isinstance(value, datetime) else str(value)) for name, value in given.items()
    ]


def _side(instance: Instance, name: str) -> Side:
    code = f"listing-{name}"
    key = instance.new_tenant(code)
    asyncio.run(_fill(instance.database_url, code, SIZES[name]))
    return Side(code, replace(instance.direct("files"), key=key))


async def _fill(database_url: str, code: str, files: int) -> None:
    """Rows only: a list does not look at bytes."""
    connection = await asyncpg.connect(database_url)
    try:
        tenant_id = await connection.fetchval("SELECT _id FROM tenants WHERE code = $1", code)
        await connection.execute(ROWS, tenant_id, code, files)
        await connection.execute(COUNTERS, tenant_id)
        await connection.execute("VACUUM ANALYZE files")
    finally:
        await connection.close()
