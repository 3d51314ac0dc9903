"""What a list of files is narrowed to, as conditions and as what the indexes know of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Text, Uuid, cast, collate, func, literal
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import SQLCoreOperations

from storage.models import File

SHORTEST_PART = 3
"""Characters that a part of a name must have for the index of terms to know it."""

Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class FileFilter:
    """None and empty mean no matter what. Sizes are bytes, bounds of sizes inclusive."""

    name: str | None = None
    """A part of the file's name, in any case of letters."""
    extension: str | None = None
    media_type: str | None = None
    tags: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    min_size: int | None = None
    max_size: int | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    """Top-level keys, and the text that each value has as JSON text would show it."""
    sha256: str | None = None

    def conditions(self) -> Conditions:
        found = [*self.created(), *self.sized(), *self.named(File.file_name)]
        if self.sha256 is not None:
            found.append(File.sha256 == self.sha256)
        if self.extension is not None:
            found.append(File.extension == self.extension)
        if self.media_type is not None:
            found.append(File.media_type == self.media_type)
        if self.tags:
            found.append(cast(File.tags, JSONB).contains(list(self.tags)))
        return found + [File.metadata_[key].astext == value for key, value in self.metadata]

    def created(self) -> Conditions:
        # SQLAlchemy refuses to compare with None, so a condition is made only for a value.
        after = [] if self.created_after is None else [File.time_created > self.created_after]
        return after if self.created_before is None else [*after, File.time_created < self.created_before]

    def sized(self) -> Conditions:
        least = [] if self.min_size is None else [File.file_size_bytes >= self.min_size]
        return least if self.max_size is None else [*least, File.file_size_bytes <= self.max_size]

    def named(self, file_name: SQLCoreOperations[str]) -> Conditions:
        if self.name is None:
            return []
        # Letters are folded as the database does it by default: the column's own order knows only those of ASCII.
        return [collate(file_name, "default").icontains(self.name, autoescape=True)]

    def read_from_an_index(self) -> Conditions:
        """Those of the conditions that the index of an order, or of hashes, answers by itself."""
        hashed = [] if self.sha256 is None else [File.sha256 == self.sha256]
        short = [] if self._has_long_part else self.named(File.file_name)
        return [*self.created(), *self.sized(), *hashed, *short]

    @property
    def has_terms(self) -> bool:
        """Whether the index of terms knows anything of what is asked for."""
        own = bool(self.tags or self.metadata) or (self.extension, self.media_type) != (None, None)
        return own or self._has_long_part

    def terms(self, tenant_id: UUID) -> ColumnElement[Any]:
        """The terms of a file that is nothing but what is asked for: each file that is chosen has these, and more."""
        return func.file_terms(literal(tenant_id, Uuid), literal(self.name, Text), *self._own())

    def signature(self, tenant_id: UUID) -> ColumnElement[Any]:
        """The bits of these terms but the name's; each file that is chosen has these set."""
        return func.file_signature(literal(tenant_id, Uuid), *self._own())

    def name_signature(self) -> ColumnElement[Any]:
        return func.name_signature(literal(self.name, Text))

    @property
    def _has_long_part(self) -> bool:
        return len(self.name or "") >= SHORTEST_PART

    def _own(self) -> list[ColumnElement[Any]]:
        return [
            literal(self.extension, Text),
            literal(self.media_type, Text),
            literal(list(self.tags), JSON),
            literal(dict(self.metadata), JSONB),
        ]
