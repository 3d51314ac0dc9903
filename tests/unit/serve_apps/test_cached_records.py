"""A cached value is believed only when it can be read and is the one that was asked for."""

import logging

import pytest

from serve_apps.cached_records import cached_record
from storage.cache import Cache, Load, Versioned


class CacheThatSays(Cache):
    def __init__(self, value: bytes | None) -> None:
        self.value = value

    async def get_or_load(self, *_: object, **__: object) -> bytes | None:
        return self.value


async def load_seven() -> Versioned | None:
    return Versioned(1, b"7")


async def load_nothing() -> Versioned | None:
    return None


async def read(value: bytes | None, load: Load = load_seven) -> int | None:
    return await cached_record(CacheThatSays(value), "key", load, int, lambda number: number == 7)


async def test_the_right_value_is_believed() -> None:
    assert await read(b"7", load_nothing) == 7


async def test_nothing_is_nothing() -> None:
    assert await read(None) is None


@pytest.mark.parametrize("value", [b"8", b"not a number"])
async def test_anything_else_is_read_from_its_source(value: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert await read(value) == 7
        assert await read(value, load_nothing) is None
    assert len(caplog.records) == 2
