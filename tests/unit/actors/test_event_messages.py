"""Whatever an event holds, its message is a CloudEvent that says the same."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from actors.event_messages import message_of
from storage.outbox import WaitingEvent

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
TYPES = ["file.created", "file.deleted", "tenant.deleted", "extraction.finished"]


@given(
    st.integers(1, 2**63 - 1),
    st.uuids(),
    st.from_regex(r"[a-z0-9][a-z0-9_-]{1,62}", fullmatch=True),
    st.sampled_from(TYPES),
    st.dictionaries(st.text(), JSON_VALUES, max_size=4),
    MOMENTS,
)
def test_an_event_survives_its_message(
    sequence: int, event_id: UUID, code: str, kind: str, data: dict[str, Any], moment: datetime
) -> None:
    message = message_of(WaitingEvent(sequence, event_id, code, kind, data, moment))
    event = JSONFormat().read(None, message.body)
    assert (message.id, message.type, message.tenant_code) == (str(event_id), kind, code)
    assert (event.get_id(), event.get_type(), event.get_subject()) == (str(event_id), f"muniment.{kind}", code)
    assert (event.get_time(), event.get_data()) == (moment, data)
    assert int(event.get_extension("sequence")) == sequence


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1))
def test_sequences_compare_as_text_as_they_do_as_numbers(one: int, other: int) -> None:
    def text(sequence: int) -> Any:
        event = WaitingEvent(sequence, UUID(int=1), "acme", "file.created", {}, datetime.now(UTC))
        return JSONFormat().read(None, message_of(event).body).get_extension("sequence")

    assert (text(one) < text(other)) == (one < other)
