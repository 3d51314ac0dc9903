"""What the extraction service takes and answers, as JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator

from actors.extractors.page_selection import selected_pages

Json = dict[str, Any]

State = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled"]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}([_-][A-Za-z0-9]{1,8})*$", max_length=32)]
MAX_PASSWORD = 1024


class Taken(BaseModel):
    """What comes in has no unknown fields, and values of the right type only."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Options(Taken):
    """How to read a file."""

    ocr: Literal["auto", "force", "never"] = "auto"
    languages: list[Language] = Field(default_factory=list, max_length=16)
    pages: str = Field(default="", max_length=1000, description="A selection such as 1-3,7; empty for all pages.")
    password: SecretStr | None = Field(default=None, min_length=1, max_length=MAX_PASSWORD)
    tables: bool = True
    timeout_seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @field_validator("pages")
    @classmethod
    def _a_selection(cls, pages: str) -> str:
        selected_pages(pages, 0, 0)
        return pages

    def stored(self, max_seconds: float) -> Json:
        """The options with every default filled in, the time limit within its bound, and no password."""
        fields = self.model_dump(exclude={"password"})
        return fields | {"timeout_seconds": min(self.timeout_seconds or max_seconds, max_seconds)}


class NewExtraction(Taken):
    file_id: str = Field(max_length=100)
    options: Options = Field(default_factory=Options)


class ProgressOut(BaseModel):
    pages_done: int
    pages_total: int | None


class JobErrorOut(BaseModel):
    code: str
    phase: str
    retryable: bool
    message: str


class JobOut(BaseModel):
    id: str
    file_id: str
    tenant_code: str
    state: State
    options: Json
    progress: ProgressOut
    attempt: int
    cached: bool
    error: JobErrorOut | None = None
    time_created: datetime
    time_started: datetime | None
    time_finished: datetime | None
    batch_id: str | None = None


class JobPage(BaseModel):
    items: list[JobOut]
    next_cursor: str | None
