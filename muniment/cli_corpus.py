"""The command that measures a running service on a corpus of documents."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from muniment.async_client import AsyncClient
from muniment.cli_options import TenantOption, Where
from muniment.cli_output import note, print_json, print_table
from muniment.corpus import CorpusRun, Outcome, Row, read_manifest
from muniment.progress_bar import count_bar

STATUSES = ("ok", "rejected", "password", "corrupt", "error")


def register(app: typer.Typer) -> None:
    app.command()(corpus)


def corpus(
    context: typer.Context,
    corpus_dir: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Has a manifest.jsonl.")],
    out_dir: Annotated[Path, typer.Argument(help="For OUT/<path>.json of each file.")],
    kind: Annotated[list[str] | None, typer.Option(help="Only these kinds; repeat for several.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Files on their way at a time.")] = 4,
    timeout: Annotated[float, typer.Option(help="Seconds for one file.")] = 900.0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the files with the tenant.")] = False,
    tenant: TenantOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Send every file of a corpus through the service, and write the results in a scorer's form."""
    rows = [row for row in read_manifest(corpus_dir) if not kind or row.kind in kind]
    where = context.find_object(Where) or Where()
    counts: dict[str, Counter[str]] = {}

    async def run() -> None:
        async with AsyncClient(
            where.url, files_url=where.files_url, extraction_url=where.extraction_url, tenant=tenant
        ) as client:
            # A wrong key or tenant is one problem, not one of every file.
            await client.tenants.get()
            with count_bar("corpus", len(rows)) as bar:

                def done(row: Row, outcome: Outcome) -> None:
                    counts.setdefault(row.kind, Counter())[outcome["status"]] += 1
                    bar.advance()
                    if outcome["status"] == "error":
                        note(f"{row.path}: {outcome['problem']}: {outcome['detail']}")

                await CorpusRun(client, corpus_dir, out_dir, concurrency, timeout, keep).run(rows, done)

    asyncio.run(run())
    if as_json:
        print_json(counts)
    else:
        lines = ((name, *(found[status] for status in STATUSES)) for name, found in sorted(counts.items()))
        print_table(("KIND", *(status.upper() for status in STATUSES)), lines)
    if any(found["error"] for found in counts.values()):
        raise typer.Exit(1)
