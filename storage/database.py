"""Connections to PostgreSQL. A transaction is a visible block; reads and writes are different blocks.

A block is one tenant's, and then the database itself shows and takes no other tenant's rows, whatever the statements
say; or it says by its name that it crosses tenants.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

import orjson
from asyncpg import Connection, InterfaceError, InternalClientError, PostgresError
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker, create_async_engine

from storage.errors import NotFound, Unavailable
from storage.tenant_role import BIND

CONNECT_TIMEOUT_SECONDS = 5
COMMAND_TIMEOUT_SECONDS = 60


def async_url(url: str) -> str:
    """`postgresql://…` as SQLAlchemy's asyncpg dialect wants it."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in {"postgresql", "postgres"}:
        raise ValueError("the database URL must begin with postgresql://")
    return f"postgresql+asyncpg://{rest}"


# SQLSTATE: lost connections, a server that stops or starts, and one without room for another connection.
AWAY_STATES = ("08", "57P", "53")
FOREIGN_KEY_VIOLATION = "23503"


def _said(error: DBAPIError | PostgresError, field: str) -> str:
    """What the server said of its refusal; empty where it was not the server that refused."""
    return getattr(error.orig if isinstance(error, DBAPIError) else error, field, None) or ""


def is_disconnection(error: DBAPIError | PostgresError) -> bool:
    """Whether the server was away, as opposed to having refused a statement."""
    if isinstance(error, DBAPIError) and (error.connection_invalidated or _lost_step(error)):
        return True
    return _said(error, "sqlstate").startswith(AWAY_STATES)


def _lost_step(error: DBAPIError) -> bool:
    """Whether the driver could not use the connection: so it is between a server's last word and the closed socket."""
    return error.orig is not None and isinstance(error.orig.__cause__, InternalClientError)


def is_without_tenant(error: DBAPIError | PostgresError) -> bool:
    """Whether a row was to be written for a tenant that was deleted meanwhile."""
    return _said(error, "sqlstate") == FOREIGN_KEY_VIOLATION and 'in table "tenants"' in _said(error, "detail")


class Database:
    """A pool of connections. A server that cannot be reached raises `Unavailable`.

    JSON is read and written by orjson, as requests and answers are: the standard library reads a large number back as
    an integer of any length, which orjson does not write.
    """

    def __init__(self, url: str, pool_size: int = 10) -> None:
        self._engine = create_async_engine(
            async_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=10,
            pool_recycle=1800,
            pool_use_lifo=True,
            json_serializer=_json,
            json_deserializer=orjson.loads,
            connect_args={"timeout": CONNECT_TIMEOUT_SECONDS, "command_timeout": COMMAND_TIMEOUT_SECONDS},
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self, tenant_id: UUID) -> AsyncIterator[AsyncSession]:
        """One tenant's: commits at the end of the block, rolls back when it raises.

        Raises `NotFound` for a row of a tenant that was deleted meanwhile.
        """
        async with self.transaction_across_tenants() as session:
            connection = await session.connection()
            await connection.exec_driver_sql(BIND, (str(tenant_id),))
            yield session

    @asynccontextmanager
    async def transaction_on_driver(self, tenant_id: UUID, first: str) -> AsyncIterator[Connection]:
        """As `transaction`, without SQLAlchemy: for what runs so often that its share of the time is felt.

        `first` is a statement that takes no parameters and gives no rows; it goes with the transaction's beginning.
        """
        with _expected_errors():
            async with self._engine.connect() as pooled:
                connection: Connection = (await pooled.get_raw_connection()).driver_connection  # type: ignore[assignment]
                transaction = connection.transaction()
                try:
                    await transaction.start()
                    await connection.execute(BIND.replace("$1", f"'{tenant_id}'") + ";" + first)
                    yield connection
                    await transaction.commit()
                except BaseException:
                    # However far it came: the server rolls back, and the pool does not get what it knows nothing of.
                    await pooled.invalidate()
                    raise

    @asynccontextmanager
    async def reading(self, tenant_id: UUID) -> AsyncIterator[AsyncSession]:
        """One tenant's, and only reads: what it changed is rolled back. Its rows can be looked at afterwards."""
        async with self.transaction(tenant_id) as session:
            yield session
            await _end_reading(session)

    @asynccontextmanager
    async def transaction_across_tenants(self) -> AsyncIterator[AsyncSession]:
        """For the operator's work and what runs in the background: here every query must name its tenant itself."""
        with _expected_errors():
            async with self._sessions() as session, session.begin():
                yield session

    @asynccontextmanager
    async def reading_across_tenants(self) -> AsyncIterator[AsyncSession]:
        """As `reading`, for what crosses tenants."""
        async with self.transaction_across_tenants() as session:
            yield session
            await _end_reading(session)

    @asynccontextmanager
    async def holding_across_tenants(self, lock: int) -> AsyncIterator[AsyncConnection | None]:
        """A connection that holds the advisory lock until the block ends; None while another one has it.

        Each statement is committed at once; one that succeeds shows that the lock is still held.
        """
        with _expected_errors():
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                if not await connection.scalar(select(func.pg_try_advisory_lock(lock))):
                    yield None
                    return
                try:
                    yield connection
                finally:
                    # Not back to the pool with the lock, whatever happened to the connection.
                    await connection.invalidate()

    async def close(self) -> None:
        await self._engine.dispose()


@contextmanager
def _expected_errors() -> Iterator[None]:
    """The server's absence is `Unavailable`, a tenant's is `NotFound`."""
    try:
        yield
    except (OSError, PoolTimeout, InternalClientError) as error:
        raise Unavailable("database") from error
    except InterfaceError as error:
        # The driver's own word; a value that it cannot send is one too.
        if isinstance(error, ValueError):
            raise
        raise Unavailable("database") from error
    except (DBAPIError, PostgresError) as error:
        if is_disconnection(error):
            raise Unavailable("database") from error
        if is_without_tenant(error):
            raise NotFound("tenant") from error
        raise


async def _end_reading(session: AsyncSession) -> None:
    session.expunge_all()
    await session.rollback()


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
