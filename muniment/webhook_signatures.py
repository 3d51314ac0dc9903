"""Whether a request to your webhook comes from Muniment; as the Standard Webhooks specification says."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from muniment.errors import MunimentError

PREFIX = "whsec_"
VERSION = "v1"
TOLERANCE_SECONDS = 300.0


class InvalidSignature(MunimentError):
    """Take nothing from this request: answer it with 400 or 401."""


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> dict[str, Any]:
    """The event that the request tells of; raises InvalidSignature when the webhook's secret did not sign it.

    `body` is what came, byte for byte: a body that was parsed and written again is another one. `tolerance` is how many
    seconds old the signature may be, or how far ahead; `now` is the time since 1970, if it is not the clock's.

        event = muniment.webhooks.verify(await request.body(), request.headers, secret)
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not timestamp.isascii() or not timestamp.isdigit():
        raise InvalidSignature("webhook-id or webhook-timestamp is missing, or is none")
    if not abs((time.time() if now is None else now) - int(timestamp)) <= tolerance:
        raise InvalidSignature("the request was signed too long ago, or a clock is wrong")
    content = body.encode() if isinstance(body, str) else body
    expected = hmac.digest(_key(secret), f"{message_id}.{timestamp}.".encode() + content, hashlib.sha256)
    if not _is_among(expected, given.get("webhook-signature", "")):
        raise InvalidSignature("the webhook's secret did not sign this request")
    event: dict[str, Any] = json.loads(content)
    return event


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def _is_among(expected: bytes, signatures: str) -> bool:
    """Several may stand beside each other, while a secret is changed."""
    found = False
    for signature in signatures.split():
        version, _, text = signature.partition(",")
        # Each is compared, so that the time tells nothing.
        found |= version == VERSION and hmac.compare_digest(expected, _decoded(text))
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
