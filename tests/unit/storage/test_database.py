"""What an error of the driver means."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from storage.database import _expected_errors, _json, async_url, is_disconnection, is_without_tenant
from storage.errors import Unavailable


class Refused(Exception):
    def __init__(self, sqlstate: str | None, detail: str = "") -> None:
        super().__init__("refused")
        self.sqlstate, self.detail = sqlstate, detail


def wrapped(sqlstate: str | None, detail: str = "", *, lost: bool = False) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, Refused(sqlstate, detail), connection_invalidated=lost)


def test_a_url_is_rewritten_for_the_driver() -> None:
    for scheme in ("postgresql", "postgres", "postgresql+asyncpg"):
        assert async_url(f"{scheme}://u:p@h:1/d") == "postgresql+asyncpg://u:p@h:1/d"
    for url in ("mysql://h/d", "", "host/d"):
        with pytest.raises(ValueError, match="postgresql://"):
            async_url(url)


@pytest.mark.parametrize(
    "error",
    [
        wrapped(None, lost=True),
        wrapped("57P01"),
        wrapped("08006"),
        wrapped("53300"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.TooManyConnectionsError("sorry"),
    ],
)
def test_a_server_that_is_away_is_told_by_its_state(error: Any) -> None:
    assert is_disconnection(error)


def test_a_server_that_took_its_leave_before_its_socket_closed_is_away() -> None:
    """What the driver raises for a statement that comes between the two."""
    said = asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")
    with pytest.raises(Unavailable), _expected_errors():
        raise said
    by_sqlalchemy = Refused(None)
    by_sqlalchemy.__cause__ = said
    with pytest.raises(Unavailable), _expected_errors():
        raise DBAPIError("SELECT 1", {}, by_sqlalchemy)


@pytest.mark.parametrize("error", [wrapped("22021"), wrapped("57014"), wrapped(None), asyncpg.DataCorruptedError("x")])
def test_a_refused_statement_is_no_outage(error: Any) -> None:
    assert not is_disconnection(error)


def test_a_row_of_a_tenant_that_is_gone_is_told_from_other_missing_references() -> None:
    text = 'Key (tenant_id)=(1) is not present in table "{}".'
    assert is_without_tenant(wrapped("23503", text.format("tenants")))
    assert not is_without_tenant(wrapped("23503", text.format("files")))
    assert not is_without_tenant(wrapped("23505", text.format("tenants")))


def test_json_is_written_as_text() -> None:
    assert _json({"ä": [1e20]}) == '{"ä":[1e+20]}'
