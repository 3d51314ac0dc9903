"""What the file service takes and answers, as JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from storage import shown_records
from storage.api_keys import Scope
from storage.models import ApiKey
from storage.records import OperationRecord, TenantRecord
from storage.tenant_crud import TenantStats
from storage.times import storable_moment, utc

MAX_BATCH = 1000
Json = dict[str, Any]


def _storable(name: str) -> str:
    if "\0" in name:
        raise ValueError("a name holds no NUL character")
    return name


Name = Annotated[str, Field(max_length=200), AfterValidator(_storable)]
"""What people call a thing by."""


class Taken(BaseModel):
    """What comes in has no unknown fields."""

    model_config = ConfigDict(extra="forbid")


class NewTenant(Taken):
    code: str
    configuration: Json = Field(default_factory=dict)
    metadata: Json = Field(default_factory=dict)


class TenantPatch(Taken):
    """Merge patches (RFC 7396); null takes a setting back to its default, or all of them."""

    configuration: Json | None = Field(default_factory=dict)
    metadata: Json | None = Field(default_factory=dict)


class NewKey(Taken):
    scopes: list[Scope] = Field(min_length=1)
    name: Name = ""
    time_expires: Annotated[datetime | None, AfterValidator(storable_moment)] = None

    @field_validator("scopes")
    @classmethod
    def _each_once(cls, scopes: list[Scope]) -> list[Scope]:
        return list(dict.fromkeys(scopes))


class FilePatch(Taken):
    file_name: str | None = None
    tags: list[str] | None = None
    metadata: Json | None = None


class FileIds(Taken):
    ids: list[str] = Field(min_length=1, max_length=MAX_BATCH)


class KeyOut(BaseModel):
    id: str
    name: str
    scopes: list[str]
    time_created: datetime
    time_expires: datetime | None
    time_last_used: datetime | None


class NewKeyOut(KeyOut):
    secret: str = Field(description="The whole bearer key; never shown again.")


class TenantOut(BaseModel):
    id: UUID
    code: str
    status: Literal["active", "suspended", "deleting"]
    configuration: Json
    metadata: Json
    time_created: datetime
    version: int
    stats: Json | None = None
    api_key: NewKeyOut | None = None


class TenantPage(BaseModel):
    items: list[TenantOut]
    next_cursor: str | None


class KeyList(BaseModel):
    items: list[KeyOut]


class FileOut(BaseModel):
    id: str
    file_name: str
    file_size_bytes: int
    media_type: str
    declared_media_type: str
    extension: str
    time_created: datetime
    tags: list[str]
    metadata: Json
    sha256: str
    storage_path: str
    version: int


class FilePage(BaseModel):
    items: list[FileOut]
    next_cursor: str | None


class BatchItem(BaseModel):
    id: str
    status: int
    file: FileOut | None = None


class BatchOut(BaseModel):
    items: list[BatchItem]


class OperationOut(BaseModel):
    id: str
    kind: str
    state: Literal["running", "succeeded", "failed"]
    progress: Json
    result: Json | None


def tenant_out(record: TenantRecord, stats: TenantStats) -> Json:
    return shown_records.tenant_out(record) | {"stats": stats}


def key_out(row: ApiKey, secret: str | None = None) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "scopes": row.scopes,
        "time_created": utc(row.time_created),
        "time_expires": utc(row.time_expires) if row.time_expires else None,
        "time_last_used": utc(row.time_last_used) if row.time_last_used else None,
    } | ({"secret": secret} if secret else {})


def operation_out(record: OperationRecord) -> Json:
    return {
        "id": record.id,
        "kind": record.kind,
        "state": record.state,
        "progress": record.progress,
        "result": record.result,
    }
