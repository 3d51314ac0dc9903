"""Sends a corpus of documents through a running service, and writes what came back in the form that a scorer reads.

A corpus is a folder with a `manifest.jsonl`: one row a file, with `path`, `kind` and, where it is known, `password`.
For each there will be `OUT/<path>.json`:

    {"status": "ok|rejected|password|corrupt|error", "text": "…", "pages": 3, "tables": [[["cell"]]],
     "headings": [[1, "…"]], "seconds": 1.2}

`error` is none of a document's outcomes: the service failed. `problem` has the code wherever the status is not `ok`. A
file with a known password is read without it first, as a stranger would; what the password opens is in `with_password`.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment.async_client import AsyncClient
from muniment.document import Document
from muniment.errors import JobFailed, MunimentError, Problem
from muniment.models import ExtractionOptions, StoredFile

Outcome = dict[str, Any]

PASSWORD_CODES = {"password-required", "wrong-password"}
CORRUPT_CODES = {"corrupt-file"}
LIMIT_CODES = {"too-many-pages", "image-too-large", "timeout", "out-of-memory"}
REFUSING_STATUSES = {409, 413, 415, 422, 507}
"""The service's word on the file; other problems (no key, overload, a bug) say nothing about it."""


@dataclass(frozen=True)
class Row:
    path: str
    kind: str = ""
    password: str | None = None

    @property
    def is_archive(self) -> bool:
        """Archives are checked on upload; there is nothing to extract from them."""
        return self.path.lower().endswith(".zip")


def read_manifest(corpus: Path) -> list[Row]:
    with (corpus / "manifest.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return [Row(row["path"], row.get("kind", ""), row.get("password")) for row in rows]


@dataclass(frozen=True)
class CorpusRun:
    """How to go about it: `timeout` is for one file, in seconds; `keep` leaves the files with the tenant."""

    client: AsyncClient
    corpus: Path
    out: Path
    concurrency: int = 4
    timeout: float = 900.0
    keep: bool = False

    async def run(self, rows: Iterable[Row], done: Callable[[Row, Outcome], None]) -> None:
        """Every row, `concurrency` at a time; `done` is told of each. One that goes wrong does not stop the others."""
        waiting = iter(rows)

        async def work() -> None:
            for row in waiting:
                outcome = await self.outcome_of(row)
                await asyncio.to_thread(self._write, row, outcome)
                done(row, outcome)

        async with asyncio.TaskGroup() as group:
            for _ in range(self.concurrency):
                group.create_task(work())

    async def outcome_of(self, row: Row) -> Outcome:
        started = time.monotonic()
        outcome = await _outcome(self._read(row))
        return outcome | {"seconds": round(time.monotonic() - started, 3)}

    async def _read(self, row: Row) -> Outcome:
        file = await self.client.files.upload(self.corpus / row.path)
        try:
            if row.is_archive:
                return {"status": "ok", "text": ""}
            outcome = await _outcome(self._extract(file, {}))
            if row.password is not None:
                opened = await _outcome(self._extract(file, {"password": row.password}))
                outcome["with_password"] = opened
            return outcome
        finally:
            if not self.keep:
                await self.client.files.delete(file)

    async def _extract(self, file: StoredFile, options: ExtractionOptions) -> Outcome:
        return outcome_of_document(await self.client.extract(file, timeout=self.timeout, **options))

    def _write(self, row: Row, outcome: Outcome) -> None:
        path = self.out / f"{row.path}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(outcome, ensure_ascii=False), "utf-8")


async def _outcome(reading: Awaitable[Outcome]) -> Outcome:
    try:
        return await reading
    except Problem as problem:
        return outcome_of_problem(problem)
    except JobFailed as failure:
        return outcome_of_failure(failure)
    except (MunimentError, OSError) as error:
        return {"status": "error", "text": "", "problem": type(error).__name__, "detail": str(error)}


def outcome_of_document(document: Document) -> Outcome:
    pages = document.file.page_count
    return {
        "status": "ok",
        "text": document.content,
        "markdown": False,
        "pages": len(document.pages) if pages is None else pages,
        "tables": [table.grid() for table in document.tables],
        "headings": [
            (0 if block.type == "title" else block.level or 1, document.text_of(block))
            for block in document.blocks
            if block.type in {"title", "heading"}
        ],
    }


def outcome_of_problem(problem: Problem) -> Outcome:
    status = "rejected" if problem.status in REFUSING_STATUSES else "error"
    if problem.code == "archive-unsafe":
        status = {"encrypted": "password", "corrupt": "corrupt"}.get(problem.reason or "", "rejected")
    code = f"{problem.code}: {problem.reason}" if problem.reason else problem.code
    return {"status": status, "text": "", "problem": code, "detail": problem.detail}


def outcome_of_failure(failure: JobFailed) -> Outcome:
    by_codes = {"password": PASSWORD_CODES, "corrupt": CORRUPT_CODES, "rejected": LIMIT_CODES}
    status = next((status for status, codes in by_codes.items() if failure.code in codes), "error")
    return {"status": status, "text": "", "problem": failure.code, "detail": failure.message}
