"""Who receives webhooks can tell who sent them, held against the official implementation."""

import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from muniment.webhooks import InvalidSignature, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"type":"muniment.file.created","data":{"file_name":"ü.txt"}}'
NOW = 1_700_000_000


def signed(body: str = BODY, at: int = NOW, secret: str = SECRET) -> dict[str, str]:
    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body)
    return {"Webhook-Id": "msg_1", "webhook-timestamp": str(at), "WEBHOOK-SIGNATURE": signature}


@pytest.mark.parametrize("body", [BODY, BODY.encode()])
def test_what_the_secret_signed_is_the_event(body: str | bytes) -> None:
    assert verify(body, signed(), SECRET, now=NOW)["data"] == {"file_name": "ü.txt"}
    assert verify(body, signed(), SECRET.removeprefix("whsec_"), now=NOW + 300)["type"] == "muniment.file.created"


def test_now_is_now_when_nobody_says_otherwise() -> None:
    assert verify(BODY, signed(at=int(time.time())), SECRET)
    with pytest.raises(InvalidSignature):
        verify(BODY, signed(), SECRET)


def test_one_of_several_signatures_is_enough() -> None:
    headers = signed()
    right = headers["WEBHOOK-SIGNATURE"]
    headers["WEBHOOK-SIGNATURE"] = f"v1a,abc v1,not-base64 v1 v1,AAAA {right} v1,"
    assert verify(BODY, headers, SECRET, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"Webhook-Id": "msg_2"},
        {"Webhook-Id": ""},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "²"},
        {"webhook-timestamp": "1e9"},
        {"WEBHOOK-SIGNATURE": ""},
        {"WEBHOOK-SIGNATURE": "v1,ü"},
        {"WEBHOOK-SIGNATURE": "v2," + signed()["WEBHOOK-SIGNATURE"].removeprefix("v1,")},
    ],
)
def test_anything_else_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        verify(BODY, signed() | change, SECRET, now=NOW)


def test_another_body_another_secret_and_an_old_request_are_refused() -> None:
    other = "whsec_" + "A" * 32
    for body, headers, now in (
        (BODY + " ", signed(), NOW),
        (BODY, signed(secret=other), NOW),
        (BODY, signed(), NOW + 301),
        (BODY, signed(), NOW - 301),
        (BODY, {}, NOW),
    ):
        with pytest.raises(InvalidSignature):
            verify(body, headers, SECRET, now=now)
