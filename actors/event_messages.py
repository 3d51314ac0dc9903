"""Events in the form in which they are told: CloudEvents 1.0 as structured JSON."""

from dataclasses import dataclass

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from storage.outbox import WaitingEvent

CONTENT_TYPE = JSONFormat.CONTENT_TYPE
SOURCE = "muniment"

_FORMAT = JSONFormat()


@dataclass(frozen=True, slots=True)
class Message:
    """`body` is the whole event; the others are what brokers sort by."""

    id: str
    type: str
    tenant_code: str
    body: bytes


def message_of(event: WaitingEvent) -> Message:
    attributes = {
        "id": str(event.id),
        "source": SOURCE,
        "type": f"{SOURCE}.{event.type}",
        "subject": event.tenant_code,
        "time": event.time_created,
        "datacontenttype": "application/json",
        # Both are extensions that the specification documents: strings, the second one in the order of its letters.
        "partitionkey": event.tenant_code,
        "sequence": f"{event.sequence:020}",
    }
    return Message(str(event.id), event.type, event.tenant_code, _FORMAT.write(CloudEvent(attributes, event.data)))
