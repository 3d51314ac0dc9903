"""The parts of a mail (MIME, RFC 2046): which are its text, which are shown in it, which are attached."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.utils import collapse_rfc2231_value

from actors.extractors.mail.headers import decoded_header


@dataclass(slots=True)
class Parts:
    """`texts`: each shown after the other, with its alternatives, the best first."""

    texts: list[list[Message]] = field(default_factory=list)
    inline: dict[str, Message] = field(default_factory=dict)
    """By content id."""
    attached: list[Message] = field(default_factory=list)


def parts_of(message: Message) -> Parts:
    found = Parts()
    _sort(message, found)
    return found


def _sort(part: Message, found: Parts) -> None:
    kind, is_attached = part.get_content_type(), part.get_content_disposition() == "attachment"
    if kind == "multipart/alternative":
        _alternatives(part, found)
    elif part.get_content_maintype() == "multipart":
        for each in subparts(part):
            _sort(each, found)
    elif kind in {"text/plain", "text/html"} and not is_attached and not name_of(part):
        found.texts.append([part])
    elif (content_id := str(part.get("Content-ID", "")).strip(" <>")) and not is_attached:
        found.inline[content_id] = part
    else:
        found.attached.append(part)


def _alternatives(part: Message, found: Parts) -> None:
    """Of the texts that say the same only one counts; what else is among them is kept."""
    within = Parts()
    for each in subparts(part):
        _sort(each, within)
    texts = [text for alternatives in within.texts for text in alternatives]
    if texts:
        found.texts.append(sorted(texts, key=lambda text: text.get_content_type() != "text/html"))
    found.inline.update(within.inline)
    found.attached.extend(within.attached)


def subparts(part: Message) -> Iterator[Message]:
    """None of a part that says it has some and has not."""
    payload = part.get_payload()
    return (each for each in payload if isinstance(each, Message)) if isinstance(payload, list) else iter(())


def name_of(part: Message) -> str:
    """The file's, or the subject of a mail within the mail; empty where there is none."""
    written = part.get_filename()
    if written:
        return decoded_header(collapse_rfc2231_value(written))
    within = next(subparts(part), None) if part.get_content_type() == "message/rfc822" else None
    return decoded_header(within.get("Subject", "")) if within is not None else ""


def content_of(part: Message) -> bytes:
    """The bytes, without their transfer encoding; none of a mail within the mail."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
