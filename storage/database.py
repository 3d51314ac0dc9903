"""Connections to PostgreSQL. A transaction is a visible block; reads and writes are different blocks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from storage.errors import Unavailable

CONNECT_TIMEOUT_SECONDS = 5
COMMAND_TIMEOUT_SECONDS = 60


def async_url(url: str) -> str:
    """`postgresql://…` as SQLAlchemy's asyncpg dialect wants it."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in {"postgresql", "postgres"}:
        raise ValueError("the database URL must begin with postgresql://")
    return f"postgresql+asyncpg://{rest}"


def is_disconnection(error: DBAPIError) -> bool:
    """Whether the server was away, as opposed to having refused a statement."""
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


class Database:
    """A pool of connections. A server that cannot be reached raises `Unavailable`."""

    def __init__(self, url: str, pool_size: int = 10) -> None:
        self._engine = create_async_engine(
            async_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=10,
            pool_recycle=1800,
            pool_use_lifo=True,
            connect_args={"timeout": CONNECT_TIMEOUT_SECONDS, "command_timeout": COMMAND_TIMEOUT_SECONDS},
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commits at the end of the block, rolls back when it raises."""
        try:
            async with self._sessions() as session, session.begin():
                yield session
        except (OSError, PoolTimeout) as error:
            raise Unavailable("database") from error
        except DBAPIError as error:
            if is_disconnection(error):
                raise Unavailable("database") from error
            raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A block that only reads; what it may have changed is rolled back."""
        async with self.transaction() as session:
            yield session
            await session.rollback()

    async def close(self) -> None:
        await self._engine.dispose()
