"""What happened to extraction jobs, told by PostgreSQL to whoever waits for it.

A signal is sent by the transaction that makes the change, so it arrives after the commit or not at all. Signals only
wake: who hears one reads the tables, and nobody relies on hearing each.
"""

from collections.abc import Sequence

from sqlalchemy import ARRAY, Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import ExtractionJob

WORK = "extraction_work"
"""A job can be claimed. No payload, so that a transaction that queues thousands sends one."""
STOP = "extraction_stop"
"""A running job is to be stopped: its id."""
CHANGED = "extraction_changed"
"""A job's state or progress changed, or it is gone: its id, and its batch's."""


async def send(session: AsyncSession, channel: str, payload: str = "") -> None:
    await session.execute(select(func.pg_notify(channel, payload)))


async def send_all(session: AsyncSession, channel: str, payloads: Sequence[str]) -> None:
    """A signal for each payload, in one statement."""
    await session.execute(select(func.pg_notify(channel, func.unnest(cast(payloads, ARRAY(Text))))))


async def changed(session: AsyncSession, job: ExtractionJob) -> None:
    """To those who wait for the job, and those who wait for its batch."""
    await send_all(session, CHANGED, [job.id] if job.batch_id is None else [job.id, job.batch_id])
