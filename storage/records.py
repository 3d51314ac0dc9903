"""Rows as values: what travels between processes and lies in the cache. Immutable, JSON in and out."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

import orjson

from storage.models import ApiKey, File, Operation, Tenant
from storage.tenant_configuration import TenantConfiguration


def _plain(value: object) -> str | list[str]:
    """What orjson does not write by itself: asyncpg's own UUID class, and sets."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no place in a record")


@dataclass(frozen=True, slots=True)
class TenantRecord:
    id: UUID
    code: str
    status: str
    configuration: dict[str, Any]
    metadata: dict[str, Any]
    version: int
    time_created: datetime

    @classmethod
    def of(cls, row: Tenant) -> Self:
        return cls(row.id, row.code, row.status, row.configuration, row.metadata_, row.version, row.time_created)

    def to_json(self) -> bytes:
        return orjson.dumps(self, default=_plain)

    def to_fields(self) -> dict[str, Any]:
        """What JSON keeps of it."""
        fields: dict[str, Any] = orjson.loads(self.to_json())
        return fields

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        return cls.from_fields(orjson.loads(text))

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """From what JSON keeps of a record: identifiers and times are strings."""
        return cls(
            **fields | {"id": UUID(fields["id"]), "time_created": datetime.fromisoformat(fields["time_created"])}
        )

    @property
    def rules(self) -> TenantConfiguration:
        """The configuration with its defaults filled in."""
        return TenantConfiguration.model_validate(self.configuration)


@dataclass(frozen=True, slots=True)
class FileRecord:
    id: str
    tenant_id: UUID
    file_name: str
    file_size_bytes: int
    media_type: str
    declared_media_type: str
    extension: str
    time_created: datetime
    tags: list[str]
    metadata: dict[str, Any]
    sha256: str
    storage_path: str
    version: int

    @classmethod
    def of(cls, row: File) -> Self:
        """The record of an active file."""
        return cls(
            id=row.id,
            tenant_id=row.tenant_id,
            file_name=row.file_name,
            file_size_bytes=row.file_size_bytes,
            media_type=row.media_type,
            declared_media_type=row.declared_media_type,
            extension=row.extension,
            time_created=row.time_created,
            tags=list(row.tags),
            metadata=dict(row.metadata_),
            sha256=row.sha256 or "",
            storage_path=row.storage_path,
            version=row.version,
        )

    def to_json(self) -> bytes:
        return orjson.dumps(self, default=_plain)

    def to_fields(self) -> dict[str, Any]:
        """What JSON keeps of it."""
        fields: dict[str, Any] = orjson.loads(self.to_json())
        return fields

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        return cls.from_fields(orjson.loads(text))

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """From what JSON keeps of a record: identifiers and times are strings."""
        return cls(
            **fields
            | {
                "tenant_id": UUID(fields["tenant_id"]),
                "time_created": datetime.fromisoformat(fields["time_created"]),
            }
        )


def active_row(record: FileRecord) -> File:
    """The row of an active file, unknown to any session."""
    fields = {name: getattr(record, name) for name in FileRecord.__slots__}
    return File(metadata_=fields.pop("metadata"), state="active", reserved_bytes=0, **fields)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    id: str
    tenant_id: UUID
    tenant_code: str
    secret_hash: str
    """Hexadecimal."""
    scopes: frozenset[str]
    time_expires: datetime | None
    read_at: float
    """When it was looked up in the database, or before: seconds since 1970."""

    @classmethod
    def of(cls, row: ApiKey, tenant_code: str, read_at: float) -> Self:
        secret_hash, scopes = row.secret_hash.hex(), frozenset(row.scopes)
        return cls(row.id, row.tenant_id, tenant_code, secret_hash, scopes, row.time_expires, read_at)

    @property
    def has_expired(self) -> bool:
        return self.time_expires is not None and self.time_expires <= datetime.now(UTC)

    def to_json(self) -> bytes:
        return orjson.dumps(self, default=_plain)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        fields = orjson.loads(text)
        expires = fields["time_expires"]
        return cls(
            **fields
            | {
                "tenant_id": UUID(fields["tenant_id"]),
                "scopes": frozenset(fields["scopes"]),
                "time_expires": datetime.fromisoformat(expires) if expires else None,
            }
        )


@dataclass(frozen=True, slots=True)
class OperationRecord:
    id: str
    kind: str
    tenant_code: str
    state: str
    progress: dict[str, Any]
    result: dict[str, Any] | None

    @classmethod
    def of(cls, row: Operation) -> Self:
        return cls(row.id, row.kind, row.tenant_code, row.state, row.progress, row.result)
