"""What happened to extraction jobs, told by PostgreSQL to whoever waits for it.

A signal is sent by the transaction that makes the change, so it arrives after the commit or not at all. Signals only
wake: who hears one reads the tables, and nobody relies on hearing each.
"""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

WORK = "extraction_work"
"""A job can be claimed. No payload, so that a transaction that queues thousands sends one."""
STOP = "extraction_stop"
"""A running job is to be stopped: its id."""
CHANGED = "extraction_changed"
"""A job's state or progress changed, or it is gone: its id."""


async def send(session: AsyncSession, channel: str, payload: str = "") -> None:
    await session.execute(select(func.pg_notify(channel, payload)))
