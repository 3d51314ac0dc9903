"""Records read through the cache, which is believed only so far."""

import logging
from collections.abc import Callable
from typing import TypeVar

from storage.cache import Cache, Load

log = logging.getLogger(__name__)

R = TypeVar("R")


async def cached_record(
    cache: Cache,
    key: str,
    load: Load,
    decode: Callable[[bytes], R],
    is_its_own: Callable[[R], bool],
    ttl: float | None = None,
) -> R | None:
    """The record under `key`, else what `load` returns, else None.

    What comes over a connection that a cancelled call left behind may be another's, and what another release wrote may
    have another form: neither is believed.
    """
    found = await cache.get_or_load(key, load, ttl)
    if found is None:
        return None
    try:
        record = decode(found)
    except (KeyError, TypeError, ValueError):
        log.warning("cached value cannot be read", extra={"cache_key": key})
    else:
        if is_its_own(record):
            return record
        log.error("cache answered with another record", extra={"cache_key": key})
    entry = await load()
    return decode(entry.value) if entry is not None else None
