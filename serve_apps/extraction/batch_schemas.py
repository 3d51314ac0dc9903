"""What is taken and answered about batches, as JSON."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from serve_apps.extraction.schemas import Json, Options, State, Taken
from serve_apps.files.list_query import METADATA, dotted, refuse_bad_filter
from serve_apps.paging import LARGEST_SIZE
from storage.extraction_batches import BatchRecord
from storage.file_filters import FileFilter
from storage.times import storable_moment, utc

MAX_FILES = 10_000
"""That one request names; a filter may find more."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Size = Annotated[int, Field(ge=0, le=LARGEST_SIZE)]
Moment = Annotated[AwareDatetime, AfterValidator(storable_moment)]


class Filter(BaseModel):
    """The filters of the file list, as a list's query has them; `tag` is one tag or several.

    `meta.KEY` may come with any key.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Text] = Field(init=False)

    name: Text | None = None
    extension: str | None = Field(default=None, max_length=20)
    media_type: Text | None = None
    tag: Text | Annotated[list[Text], Field(max_length=20)] | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    min_size: Size | None = None
    max_size: Size | None = None
    sha256: str | None = Field(default=None, pattern="^[0-9a-fA-F]{64}$")

    @model_validator(mode="after")
    def _no_other_keys(self) -> Self:
        if unknown := [key for key in self.__pydantic_extra__ if not key.startswith(METADATA)]:
            raise ValueError(f"There is no filter '{unknown[0][:100]}'.")
        return self

    def chosen(self) -> FileFilter:
        """Raises `InvalidFields`."""
        found = FileFilter(
            name=self.name,
            extension=dotted(self.extension),
            media_type=self.media_type,
            tags=(self.tag,) if isinstance(self.tag, str) else tuple(self.tag or ()),
            created_after=self.created_after,
            created_before=self.created_before,
            min_size=self.min_size,
            max_size=self.max_size,
            metadata=tuple((key.removeprefix(METADATA), value) for key, value in self.__pydantic_extra__.items()),
            sha256=self.sha256.lower() if self.sha256 else None,
        )
        refuse_bad_filter(found)
        return found


class NewBatch(Taken):
    """Files by their ids, or all that a filter finds and that can be extracted: one of the two."""

    file_ids: list[Annotated[str, StringConstraints(max_length=100)]] | None = Field(
        default=None, min_length=1, max_length=MAX_FILES
    )
    filter: Filter | None = None
    options: Options = Field(default_factory=Options)
    name: str = Field(default="", max_length=200, pattern="^[^\\x00]*$")

    @model_validator(mode="after")
    def _one_way_to_name_files(self) -> Self:
        if (self.file_ids is None) == (self.filter is None):
            raise ValueError("Name the files either by 'file_ids' or by 'filter'.")
        return self

    def files(self) -> list[str] | FileFilter:
        """Ids, each once, or what the filter says. Raises `InvalidFields`."""
        return list(dict.fromkeys(self.file_ids or [])) if self.filter is None else self.filter.chosen()


class CountsOut(BaseModel):
    total: int
    queued: int
    running: int
    succeeded: int
    partial: int
    failed: int
    cancelled: int


class BatchOut(BaseModel):
    id: str
    name: str
    state: State
    counts: CountsOut
    options: Json
    time_created: datetime


class BatchPage(BaseModel):
    items: list[BatchOut]
    next_cursor: str | None


def batch_out(batch: BatchRecord) -> Json:
    return {
        "id": batch.id,
        "name": batch.name,
        "state": batch.state,
        "counts": {"total": batch.total, **batch.counts},
        "options": batch.options,
        "time_created": utc(batch.time_created),
    }
