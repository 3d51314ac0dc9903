"""Logins of a PostgreSQL server with more and fewer rights, each with a database of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from storage.tenant_role import TENANT_ROLE


@asynccontextmanager
async def login_with_database(server: str, attributes: str, *beforehand: str) -> AsyncIterator[str]:
    """The URL of a fresh database that a fresh login owns, on a server that has no tenants' role.

    `server` is a superuser's URL; `beforehand` is what that superuser runs, `{login}` in it being the login.
    """
    name, password = f"login_{uuid4().hex[:16]}", uuid4().hex
    administrator = await asyncpg.connect(server)
    try:
        await administrator.execute(f"DROP ROLE IF EXISTS {TENANT_ROLE}")
        await administrator.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' {attributes}")
        await administrator.execute(f"CREATE DATABASE {name} OWNER {name}")
        for statement in beforehand:
            await administrator.execute(statement.format(login=name))
        place = server.rpartition("/")[0].rpartition("@")[2]
        yield f"postgresql://{name}:{password}@{place}/{name}"
    finally:
        await administrator.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await administrator.execute(f"DROP ROLE IF EXISTS {TENANT_ROLE}")
        await administrator.execute(f"DROP ROLE IF EXISTS {name}")
        await administrator.close()
