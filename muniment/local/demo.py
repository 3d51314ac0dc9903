"""`muniment up --demo`: a first tenant, one document of each kind through the services, and what came back."""

import contextlib
import shlex
import time
from collections.abc import Callable

import muniment
from muniment import samples
from muniment.local.addresses import Addresses
from muniment.local.home import Home
from storage.key_files import read_or_create_secret

TENANT = "demo"
KEY_NAME = "muniment up --demo"
TAG = "sample"
WIDTH = 96
CONTENT_LINES = 14
FIRST_OCR_SECONDS = 300.0
"""The first page waits for an OCR engine to start."""

Tell = Callable[[str], None]


async def show(home: Home, addresses: Addresses, operator_key: str, tell: Tell) -> None:
    """Upload the sample set once, extract every file, and print the documents and how to ask for more."""
    files_url, extraction_url = addresses.url("files"), addresses.url("extraction")
    async with muniment.AsyncClient(
        api_key=operator_key, files_url=files_url, extraction_url=extraction_url
    ) as operator:
        client = operator.for_tenant(TENANT, await tenant_key(operator, home))
        stored = await uploaded_samples(client)
        for path in samples.sample_files():
            tell(await report(client, stored[path.name]))
        tell(next_steps(addresses, home, stored["invoice.pdf"]))


async def tenant_key(operator: muniment.AsyncClient, home: Home) -> str:
    """The demo tenant's key, the same on every run of this home; the tenant is created on the first."""
    path = home.keys / f"tenant-{TENANT}"
    if path.exists():
        known = path.read_text().strip()
        with contextlib.suppress(muniment.Unauthorized, muniment.NotFound):
            await operator.for_tenant(TENANT, known).tenants.get()
            return known
        # Revoked, or the database is another one than on the last run.
        path.unlink()
    created = await _new_key(operator)
    return read_or_create_secret(path, lambda: created)


async def _new_key(operator: muniment.AsyncClient) -> str:
    try:
        key = (await operator.tenants.create(TENANT)).api_key
    except muniment.Conflict:
        key = await operator.keys.create(name=KEY_NAME, tenant=TENANT)
    if key is None or key.secret is None:
        raise muniment.MunimentError("The answer that created a key did not hold it.")
    return key.secret


async def uploaded_samples(client: muniment.AsyncClient) -> dict[str, muniment.StoredFile]:
    """The sample files by name; those that an earlier run stored are used again."""
    stored = {file.file_name: file async for file in client.files.list(tags=[TAG])}
    for path in samples.sample_files():
        if path.name not in stored:
            stored[path.name] = await client.files.upload(path, tags=[TAG])
    return stored


async def report(client: muniment.AsyncClient, file: muniment.StoredFile) -> str:
    """Extract one file and say what came back, as text for a terminal."""
    started = time.monotonic()
    job = await client.extractions.wait(await client.extractions.submit(file), timeout=FIRST_OCR_SECONDS)
    seconds = time.monotonic() - started
    if not job.has_result:
        failure = job.error.message if job.error else job.state
        return f"\n{_rule(file.file_name)}\n{failure}"
    document = await client.extractions.result(job)
    sources = ", ".join(sorted({page.source for page in document.pages}))
    origin = "from the cache" if job.cached else f"in {seconds:.1f} s"
    facts = f"{file.media_type} · {len(document.pages)} page(s) · {sources} · {document.engine.name} · {origin}"
    tables = [_table(table) for table in document.tables]
    return "\n".join(["", _rule(file.file_name), facts, "", _beginning(document.content), *tables])


def next_steps(addresses: Addresses, home: Home, file: muniment.StoredFile) -> str:
    """Commands that work as they are printed; the key is read from its file, so that it stays out of the history."""
    key = home.keys / f"tenant-{TENANT}"
    curl = f'curl -s -H "Authorization: Bearer $(cat {shlex.quote(str(key))})"'
    files = f"v1/tenants/{TENANT}/files"
    request = f"""-H 'Prefer: wait=60' -H 'Content-Type: application/json' -d '{{"file_id": "{file.id}"}}'"""
    return "\n".join(
        [
            "",
            _rule("try it"),
            f"key of the tenant {TENANT}: {key.read_text().strip()}",
            "",
            "# list its files",
            f"{curl} {addresses.url('files')}/{files}",
            "# download one, through the gateway",
            f"{curl} -OJ {addresses.url('gateway')}/files/{files}/{file.id}/content",
            "# extract it",
            f"{curl} {request} {addresses.url('extraction')}/v1/tenants/{TENANT}/extractions",
            "",
            f"documentation: {addresses.url('files')}/docs  {addresses.url('extraction')}/docs",
        ]
    )


def _rule(name: str) -> str:
    return f"── {name} ".ljust(WIDTH, "─")


def _beginning(content: str) -> str:
    lines = [line for line in content.splitlines() if line.strip()]
    shown = [line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in lines[:CONTENT_LINES]]
    left = len(lines) - len(shown)
    return "\n".join([*shown, f"… {left} more lines"] if left else shown)


def _table(table: muniment.Table) -> str:
    grid = table.grid()
    widths = [max(len(row[column]) for row in grid) for column in range(table.columns)]
    rows = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in grid]
    return "\n".join([f"\ntable on page {table.page}, {table.rows} × {table.columns}:", *rows])  # noqa: RUF001 - a sign
