"""Lists of a tenant's files, page by page, as fast in a tenant of millions as in a small one.

A list without filters is read along the index of its order. With filters, no one way is right: what many files have is
soon met along that index, what few have is quickly told by another one, and PostgreSQL, which knows how often a value
occurs in the table but not in the tenant, picks wrongly between them. So a page is looked for in one way after another,
each of bounded cost, until one has found it. docs/decisions/0015 has the measurements.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, func, lateral, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.sql.elements import SQLCoreOperations

from storage.file_filters import FileFilter
from storage.models import File
from storage.records import FileRecord

SortField = Literal["time_created", "file_name", "file_size_bytes"]
SORT_FIELDS: tuple[SortField, ...] = get_args(SortField)

SORT_COLUMNS: dict[SortField, InstrumentedAttribute[Any]] = {
    "time_created": File.time_created,
    "file_name": File.file_name,
    "file_size_bytes": File.file_size_bytes,
}

MET = 8000
"""Files looked at along the order's index, which itself tells of most of them that they are not chosen."""
MET_UNKNOWN = 1000
"""The same where the index tells nothing of what is asked for, and every file has to be read."""
GATHERED = 4000
"""Files that another index may name for a page, to be read and sorted."""


@dataclass(frozen=True, slots=True)
class FileOrder:
    field: SortField = "time_created"
    descending: bool = False

    @property
    def column(self) -> InstrumentedAttribute[Any]:
        return SORT_COLUMNS[self.field]

    def following(self, value: Any, file_id: str) -> ColumnElement[bool]:
        """Whatever comes after the file with this value and id."""
        keys = tuple_(self.column, File.id)
        return keys < (value, file_id) if self.descending else keys > (value, file_id)

    def clauses(self, *columns: SQLCoreOperations[Any]) -> list[ColumnElement[Any]]:
        """Of value and id, or of these columns in their place."""
        keys = columns or (self.column, File.id)
        return [key.desc() if self.descending else key.asc() for key in keys]


async def page(
    session: AsyncSession,
    tenant_id: UUID,
    chosen: FileFilter,
    order: FileOrder,
    limit: int,
    after: tuple[Any, str] | None,
) -> list[FileRecord]:
    """Up to `limit` files in order, beginning after the value and id of the last one seen.

    The session must be bound to the tenant.
    """
    rows = await _Page(session, tenant_id, chosen, order, limit, after).rows()
    return [FileRecord.of(row) for row in rows]


class _Page:
    """One page, and the ways to look for it."""

    def __init__(
        self,
        session: AsyncSession,
        tenant_id: UUID,
        chosen: FileFilter,
        order: FileOrder,
        limit: int,
        after: tuple[Any, str] | None,
    ) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._chosen = chosen
        self._order = order
        self._limit = limit
        self._mine = [File.tenant_id == tenant_id, File.state == "active"]
        self._range = {"time_created": chosen.created, "file_size_bytes": chosen.sized}.get(order.field, list)()
        """Conditions that leave one piece of the order's index."""
        self._following = [*self._mine, *self._range, *([] if after is None else [order.following(*after)])]

    async def rows(self) -> list[File]:
        if len(self._chosen.conditions()) == len(self._range):
            return await self._next()
        near = MET if self._chosen.has_terms else MET_UNKNOWN
        found = await self._met(near)
        if len(found) == self._limit or not await self._are_more_than(near):
            return found
        if self._chosen.has_terms and (gathered := await self._gathered(self._with_terms())) is not None:
            return gathered
        if self._chosen.read_from_an_index() and (gathered := await self._gathered(self._in_range())) is not None:
            return gathered
        return await self._met(None)

    async def _next(self) -> list[File]:
        query = select(File).where(*self._following).order_by(*self._order.clauses()).limit(self._limit)
        return list(await self._session.scalars(query))

    async def _met(self, most: int | None) -> list[File]:
        """What is chosen of the next `most` files; less than a page says nothing of those that come after them."""
        chosen, order, columns = self._chosen, self._order, File.__table__.c
        met = (
            select(File.id, order.column.label("value"), columns.signature, columns.name_signature)
            .where(*self._following)
            .order_by(*order.clauses())
            .limit(most)
            .subquery("met")
        )
        own = select(chosen.signature(self._tenant_id)).scalar_subquery()
        name = select(chosen.name_signature()).scalar_subquery()
        named = chosen.named(met.c.value) if order.field == "file_name" else []
        # The offset is a fence: a file is read when it is met, and none that the page does not need.
        read = lateral(select(File).where(File.id == met.c.id, *self._mine, *chosen.conditions()).offset(0))
        query = (
            select(aliased(File, read))
            .select_from(met.join(read, true()))
            .where(met.c.signature.op("&")(own) == own, met.c.name_signature.op("&")(name) == name, *named)
            .order_by(*order.clauses(met.c.value, met.c.id))
            .limit(self._limit)
        )
        return list(await self._session.scalars(query))

    async def _are_more_than(self, most: int) -> bool:
        """Whether more files follow, chosen or not. Answered by the order's index alone."""
        beyond = select(File.id).where(*self._following).order_by(*self._order.clauses()).offset(most).limit(1)
        return await self._session.scalar(beyond) is not None

    async def _gathered(self, ids: Select[str]) -> list[File] | None:
        """The page out of the files with these ids, among which all chosen ones are; None where these are too many."""
        candidates = ids.limit(GATHERED).cte("candidates")
        named = select(func.count().label("count")).select_from(candidates).subquery("named")
        found = (
            select(File)
            .where(File.id.in_(select(candidates.c.id)), *self._following, *self._chosen.conditions())
            .order_by(*self._order.clauses())
            .limit(self._limit)
            .subquery("found")
        )
        file = aliased(File, found)
        # An outer join, to be told of the candidates where none of them is chosen.
        query = select(named.c.count, file).join(file, true(), isouter=True)
        query = query.order_by(*self._order.clauses(getattr(file, self._order.field), file.id))
        rows = (await self._session.execute(query)).all()
        too_many = rows[0][0] == GATHERED
        return None if too_many else [row for _, row in rows if row is not None]

    def _with_terms(self) -> Select[str]:
        terms = self._chosen.terms(self._tenant_id)
        return select(func.files_with_terms(terms, GATHERED, type_=Text).column_valued("id"))

    def _in_range(self) -> Select[str]:
        return select(File.id).where(*self._mine, *self._chosen.read_from_an_index())
