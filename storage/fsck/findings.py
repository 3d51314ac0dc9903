"""What a check may find, and what a repair may do about it."""

from dataclasses import dataclass, field
from typing import Any, Literal

Facts = dict[str, Any]
Kind = Literal[
    "missing-bytes",
    "size-differs",
    "hash-differs",
    "unreadable-bytes",
    "bytes-without-row",
    "incoming-left",
    "folder-without-tenant",
    "tenant-without-folder",
    "counters-differ",
    "removal-pending",
    "upload-expired",
    "deletion-unfinished",
    "trash-left",
]

REPAIRED: frozenset[Kind] = frozenset(
    {
        "bytes-without-row",
        "incoming-left",
        "folder-without-tenant",
        "tenant-without-folder",
        "counters-differ",
        "trash-left",
    }
)
"""What a repair changes. Lost or damaged bytes only a backup brings back, and what is pending the sweeper ends."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Sizes are bytes, ages seconds."""

    kind: Kind
    tenant: str = ""
    """Its code."""
    path: str = ""
    """Relative to the base of the volume."""
    id: str = ""
    """Of the file or the operation that it is about."""
    items: int = 1
    """How many files it stands for; a folder may hold many."""
    expected: Facts = field(default_factory=dict)
    found: Facts = field(default_factory=dict)

    def __str__(self) -> str:
        about = " ".join(filter(None, [self.path or self.tenant, self.id if self.id not in self.path else ""]))
        facts = [
            f"{when} {_facts(what)}" for when, what in (("expected", self.expected), ("found", self.found)) if what
        ]
        return f"{self.kind}: {about}" + (f" ({'; '.join(facts)})" if facts else "")


def _facts(facts: Facts) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


@dataclass(slots=True)
class Checked:
    """How much was looked at."""

    tenants: int = 0
    rows: int = 0
    """Active files in the database."""
    files: int = 0
    """Files on the volume, incoming ones and those in the trash too."""
    hashed_bytes: int = 0

    @property
    def items(self) -> int:
        """Files, whether they have a row, bytes or both."""
        return max(self.rows, self.files)
