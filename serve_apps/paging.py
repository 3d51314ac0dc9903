"""Keyset cursors: opaque, and good only for the list that they came from."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson
from fastapi import Request

from serve_apps.ingress import service_path
from serve_apps.request_errors import BadCursor
from storage.identifiers import is_id
from storage.times import storable_moment

FINGERPRINT_LENGTH = 16
LARGEST_SIZE = 2**63 - 1
"""PostgreSQL's bigint."""


def fingerprint(*parts: object) -> str:
    """What list this is: tenant, filters and sort order, in any JSON-like form."""
    return hashlib.sha256(orjson.dumps(parts, default=str)).hexdigest()[:FINGERPRINT_LENGTH]


class Dated(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def time_created(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last item of the page before: the value it was sorted by, and its id."""

    value: Any
    id: str

    def encode(self, list_fingerprint: str) -> str:
        body = orjson.dumps([list_fingerprint, self.value, self.id])
        return base64.urlsafe_b64encode(body).rstrip(b"=").decode()

    # Whoever knows how a cursor is made can make one with any value: the database gets only what it takes.

    def moment(self) -> datetime:
        """The value, of a list that is sorted by time."""
        try:
            moment = storable_moment(datetime.fromisoformat(self.value))
        except (TypeError, ValueError):
            moment = None
        if moment is None:
            raise BadCursor
        return moment

    def size(self) -> int:
        """The value, of a list that is sorted by size."""
        if type(self.value) is not int or not 0 <= self.value <= LARGEST_SIZE:
            raise BadCursor
        return self.value

    def text(self) -> str:
        """The value, of a list that is sorted by a text."""
        if not isinstance(self.value, str) or "\0" in self.value:
            raise BadCursor
        return self.value

    @classmethod
    def decode(cls, text: str, list_fingerprint: str) -> "Cursor":
        """Raises `BadCursor` for anything that `encode` did not make for the same list."""
        try:
            padded = text.encode() + b"=" * (-len(text) % 4)
            found, value, identifier = orjson.loads(base64.urlsafe_b64decode(padded))
        except (binascii.Error, ValueError, TypeError, UnicodeEncodeError):
            raise BadCursor from None
        if found != list_fingerprint or not isinstance(identifier, str):
            raise BadCursor
        return cls(value, identifier)


def moment_before(cursor: str | None, list_id: str, prefix: str) -> tuple[datetime, str] | None:
    """Where a page of a list by time begins: the time and id of the last item before. Raises `BadCursor`."""
    if cursor is None:
        return None
    position = Cursor.decode(cursor, list_id)
    if not is_id(prefix, position.id):
        raise BadCursor
    return position.moment(), position.id


def moment_cursor(last: Dated, list_id: str) -> str:
    """The cursor of a list by time to what follows its item `last`."""
    return Cursor(last.time_created.isoformat(), last.id).encode(list_id)


def next_link(request: Request, path: str, cursor: str | None) -> dict[str, str]:
    """The `Link` header to the page after this one, with the same query; none when there is no cursor for one.

    `path` is the list's own, as the service knows it.
    """
    if cursor is None:
        return {}
    query = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
    target = service_path(request, f"{path}?{urlencode([*query, ('cursor', cursor)])}")
    return {"Link": f'<{target}>; rel="next"'}
