"""A check's report as one JSON document, written while the check goes on and read by the repair that it is given to.

    {"schema": "muniment.fsck/1", "time_started": "…", "grace_seconds": 3600.0, "hashes": false, "tenant": null,
     "findings": [
      {"kind": "bytes-without-row", "tenant": "acme", "path": "acme/2026-11/fs_….pdf", "id": "fs_…", "items": 1,
       "expected": {}, "found": {"size": 9, "age": 7200}}
     ],
     "counts": {"bytes-without-row": 1},
     "checked": {"tenants": 1, "rows": 8, "files": 9, "hashed_bytes": 0}, "time_finished": "…"}

A report that was cut off is no JSON, so nothing is repaired by it.
"""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self, TextIO

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.errors import MunimentError
from storage.fsck.check import Scope
from storage.fsck.findings import Checked, Finding

SCHEMA: Literal["muniment.fsck/1"] = "muniment.fsck/1"


class NotAReport(MunimentError):
    """A file that is not what a check wrote; `reason` says how."""

    title = "Not a report"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path} is not a whole report of a check: {self.reason}"


class ReportWriter:
    """Writes as it is told; nothing of the findings stays in memory."""

    def __init__(self, out: TextIO, scope: Scope) -> None:
        self._out = out
        self._separator = "\n"
        head = {
            "schema": SCHEMA,
            "time_started": datetime.now(UTC),
            "grace_seconds": scope.grace.total_seconds(),
            "hashes": scope.hashes,
            "tenant": scope.tenant,
        }
        out.write(orjson.dumps(head).decode()[:-1] + ',"findings":[')

    def add(self, finding: Finding) -> None:
        self._out.write(self._separator + orjson.dumps(finding).decode())
        self._separator = ",\n"

    def end(self, counts: Counter[str], checked: Checked) -> None:
        tail = {"counts": counts, "checked": checked, "time_finished": datetime.now(UTC)}
        self._out.write("\n]," + orjson.dumps(tail).decode()[1:] + "\n")
        self._out.flush()


class Report(BaseModel):
    """A report that was read: as large in memory as what was found."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    form: Literal["muniment.fsck/1"] = Field(alias="schema")
    findings: list[Finding]
    checked: Checked
    time_started: datetime

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `NotAReport`, and `OSError` for a file that cannot be read."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            raise NotAReport(str(path), f"{'.'.join(map(str, first['loc']))}: {first['msg']}".lstrip(": ")) from None
