from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from storage.api_keys import BearerKey, hash_secret
from storage.records import KeyRecord

PEPPER = b"pepper"


def record(bearer: BearerKey, time_expires: datetime | None = None) -> KeyRecord:
    stored = hash_secret(bearer.secret, PEPPER).hex()
    return KeyRecord(bearer.id, uuid4(), "acme", stored, frozenset({"files:read"}), time_expires, 0)


def test_a_key_is_read_as_it_was_written() -> None:
    bearer = BearerKey.new()
    assert BearerKey.parse(str(bearer)) == bearer


@pytest.mark.parametrize(
    "text", ["", "mk_", "mk_abc_def", "mk_" + "a" * 16 + "_" + "b" * 42, "mk_" + "A" * 16 + "_" + "b" * 43, "ключ"]
)
def test_what_is_no_key_is_not_read(text: str) -> None:
    assert BearerKey.parse(text) is None


def test_a_key_opens_only_its_own_record_under_the_same_pepper() -> None:
    bearer = BearerKey.new()
    assert bearer.opens(record(bearer), PEPPER)
    assert not bearer.opens(record(bearer), b"another")
    assert not BearerKey(bearer.id, BearerKey.new().secret).opens(record(bearer), PEPPER)


def test_a_key_opens_until_it_expires() -> None:
    bearer, now = BearerKey.new(), datetime.now(UTC)
    assert bearer.opens(record(bearer, now + timedelta(minutes=1)), PEPPER)
    assert not bearer.opens(record(bearer, now - timedelta(seconds=1)), PEPPER)
