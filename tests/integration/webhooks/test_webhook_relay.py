"""From the change to the receiver: real rows, real sockets, and everything that may go wrong on the way."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from actors import webhook_relay
from actors.event_messages import Message
from actors.webhook_relay import AT_A_TIME, STREAMS_A_TENANT, WebhookRelay, pause_after
from actors.webhook_sender import WebhookSender
from muniment.webhooks import verify
from storage import webhook_deliveries
from storage.errors import Unavailable
from storage.network_addresses import AddressRules
from storage.webhook_deliveries import Claim, DueWebhook, Failure
from storage.webhook_secrets import WebhookSecrets
from tests.file_service import PEPPER, FileService, SampleTenant
from tests.webhook_receiver import FAILED, OK, TRUSTING, Received, Receiver, receiving
from tests.webhook_rows import deliveries, made, waiting

PAUSE = timedelta(seconds=1)


def relay_of(service: FileService, **fields: Any) -> WebhookRelay:
    sender = WebhookSender(AddressRules.of(TRUSTING))
    return WebhookRelay(service.services.database, sender, WebhookSecrets(PEPPER), poll=0.01, **fields)


@pytest.fixture
async def relay(service: FileService) -> AsyncIterator[WebhookRelay]:
    """One that looks when it is told to."""
    found = relay_of(service)
    yield found
    await found.close()


async def turn(relay: WebhookRelay) -> None:
    """One look, and what follows from it."""
    await relay.look()
    await relay.until_idle()


async def pass_time(service: FileService, moments: str = "time_due", interval: str = "1 day") -> None:
    """For all deliveries."""
    changes = ", ".join(f"{moment} = {moment} - interval '{interval}'" for moment in moments.split())
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(text(f"UPDATE webhook_deliveries SET {changes}"))  # noqa: S608 - our own names


async def shown(tenant: SampleTenant, webhook: dict[str, Any], below: str = "") -> Any:
    return (await tenant.request("GET", f"/webhooks/{webhook['id']}{below}")).json()


def ids(requests: Sequence[Received]) -> list[str]:
    return [received.headers["webhook-id"] for received in requests]


async def test_a_change_is_told_signed_as_the_event_that_brokers_are_told(
    tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay
) -> None:
    webhook = await made(tenant, receiver.url)
    file = await tenant.stored()
    await turn(relay)
    [received] = receiver.requests
    event = verify(received.body, received.headers, webhook["secret"])
    assert event["id"] == received.headers["webhook-id"]
    assert (event["type"], event["subject"], event["data"]) == ("muniment.file.created", tenant.code, file)
    assert (await shown(tenant, webhook))["time_last_delivered"] is not None
    assert (await shown(tenant, webhook, "/deliveries"))["items"] == []
    await turn(relay)
    assert len(receiver.requests) == 1


async def test_a_change_that_is_rolled_back_is_not_told(service: FileService, tenant: SampleTenant) -> None:
    webhook = await made(tenant, "http://127.0.0.1:9999/")
    file = await tenant.stored()
    assert (await tenant.patch(f"/files/{file['id']}", {"tags": ["a"]}, '"m7"')).status_code == 412
    assert await waiting(service, webhook) == ["file.created"]


async def test_a_relay_that_runs_tells_what_comes(
    service: FileService, tenant: SampleTenant, receiver: Receiver
) -> None:
    await made(tenant, receiver.url)
    running = asyncio.create_task(relay_of(service).run())
    for number in range(3):
        await tenant.stored(b"%d" % number)
        await receiver.until(number + 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    assert len(set(ids(receiver.requests))) == 3


async def test_what_was_not_received_is_sent_again_with_the_same_id_and_body(
    service: FileService, tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay
) -> None:
    webhook = await made(tenant, receiver.url)
    await tenant.stored()
    receiver.answer = lambda _: FAILED
    await turn(relay)
    await turn(relay)
    assert len(receiver.requests) == 1, "its pause is not over"
    [item] = (await shown(tenant, webhook, "/deliveries"))["items"]
    assert (item["state"], item["attempts"], item["last_error"]) == ("waiting", 1, "The receiver answered 500.")
    assert item["time_next_attempt"] > item["time_created"]
    await pass_time(service)
    receiver.answer = lambda _: OK
    await turn(relay)
    first, second = receiver.requests
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert item["event_id"] == second.headers["webhook-id"]
    assert await deliveries(service) == []


def test_pauses_grow_up_to_a_bound_and_never_come_together() -> None:
    middle = [pause_after(attempt, 0.5).total_seconds() for attempt in range(1, 12)]
    assert middle[:5] == [5, 15, 45, 135, 405]
    assert middle == sorted(middle)
    assert middle[-1] == pause_after(1_000_000, 0.5).total_seconds() == 4 * 3600
    assert [pause_after(1, chance).total_seconds() for chance in (0, 1)] == [4, 6]


RELAY_PROCESS = """
import asyncio, sys
from actors.webhook_relay import WebhookRelay
from actors.webhook_sender import WebhookSender
from storage.database import Database
from storage.network_addresses import AddressRules
from storage.webhook_secrets import WebhookSecrets

database_url, trusting, pepper = sys.argv[1:]
sender = WebhookSender(AddressRules.of(trusting))
relay = WebhookRelay(Database(database_url), sender, WebhookSecrets(pepper.encode()), poll=0.01)
asyncio.run(relay.run())
"""


async def test_relays_that_are_killed_again_and_again_lose_nothing(
    service: FileService, tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay, database_url: str
) -> None:
    """Each kill comes amid requests: before their answers, between them, or before they are noted."""
    kills, total = 3, 60
    webhook = await made(tenant, receiver.url)
    files = [await tenant.stored(b"%d" % number) for number in range(total)]
    arguments = [sys.executable, "-c", RELAY_PROCESS, database_url, TRUSTING, PEPPER.decode()]
    environment = os.environ | {"PYTHONPATH": str(Path(webhook_relay.__file__).parents[1])}
    for _ in range(kills):
        before = len(receiver.requests)
        process = await asyncio.create_subprocess_exec(*arguments, env=environment)
        try:
            await receiver.until(before + 5)
        finally:
            # Also where the test fails: it would send what those that come after wait for.
            process.send_signal(signal.SIGKILL)
            await process.wait()
        # What it held is taken for lost.
        await pass_time(service)
    while await waiting(service, webhook):
        await turn(relay)
    told = {orjson.loads(received.body)["data"]["id"] for received in receiver.requests}
    assert told == {file["id"] for file in files}
    assert len(set(ids(receiver.requests))) == total


async def test_one_delivery_is_tried_by_one_relay_at_a_time(
    service: FileService, tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay
) -> None:
    await made(tenant, receiver.url)
    for number in range(20):
        await tenant.stored(b"%d" % number)
    other = relay_of(service)
    await asyncio.gather(turn(relay), turn(other))
    await other.close()
    assert len(receiver.requests) == len(set(ids(receiver.requests))) == 20


async def claimed(service: FileService, limit: int = 1) -> list[Claim]:
    async with service.services.database.transaction_across_tenants() as session:
        [webhook] = await webhook_deliveries.due(session)
        return await webhook_deliveries.claim(session, webhook, limit, timedelta(seconds=60))


async def note(service: FileService, received: Sequence[Claim], failed: Sequence[Failure]) -> None:
    [webhook] = {claim.webhook for claim in [*received, *(failure.claim for failure in failed)]}
    async with service.services.database.transaction(webhook.tenant_id) as session:
        await webhook_deliveries.note(session, webhook, received, failed)


async def test_an_attempt_that_was_overtaken_says_no_more_that_it_failed(
    service: FileService, tenant: SampleTenant
) -> None:
    """The race: a relay stands still for longer than its lease, and another one tries meanwhile."""
    await made(tenant, "http://127.0.0.1:9999/")
    await tenant.stored()
    [first] = await claimed(service)
    await pass_time(service)
    [second] = await claimed(service)
    before = await deliveries(service)
    await note(service, [], [Failure(first, "late", PAUSE)])
    [row] = await deliveries(service)
    assert (row.attempts, row.time_due, row.last_error) == (2, before[0].time_due, None)
    await note(service, [], [Failure(second, "in time", PAUSE)])
    assert (await deliveries(service))[0].last_error == "in time"
    # That it was received is true whoever says it.
    await note(service, [first], [])
    assert await deliveries(service) == []


async def test_what_is_received_nowhere_is_given_up_in_the_end_and_seen(
    service: FileService, tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay
) -> None:
    webhook = await made(tenant, receiver.url)
    for number in range(3):
        await tenant.stored(b"%d" % number)
    receiver.answer = lambda _: FAILED
    for _ in range(3):
        await turn(relay)
        await pass_time(service, interval="1 minute")
    await pass_time(service, "time_expires", "2 days")
    assert await swept(service) == (0, 0)
    await pass_time(service, "time_expires")
    assert await swept(service) == (3, 0)
    failed = (await shown(tenant, webhook, "/deliveries?state=failed"))["items"]
    assert {(item["state"], item["time_next_attempt"]) for item in failed} == {("failed", None)}
    assert all(item["time_failed"] and item["last_error"] for item in failed)
    assert (await shown(tenant, webhook, "/deliveries?state=waiting"))["items"] == []
    await turn(relay)
    count = len(receiver.requests)
    receiver.answer = lambda _: OK
    again = await tenant.request("POST", f"/webhooks/{webhook['id']}:retry-failed")
    assert (again.status_code, again.json()["id"]) == (202, webhook["id"])
    assert {row.attempts for row in await deliveries(service)} == {0}
    assert await swept(service) == (0, 0), "they have their time anew"
    while await waiting(service, webhook):
        await turn(relay)
    assert len(receiver.requests) == count + 3


async def swept(service: FileService) -> tuple[int, int]:
    """How many were given up, and forgotten."""
    async with service.services.database.transaction_across_tenants() as session:
        return await webhook_deliveries.give_up_expired(session), await webhook_deliveries.forget_failed(session)


async def test_what_was_given_up_is_forgotten_after_a_month(service: FileService, tenant: SampleTenant) -> None:
    await made(tenant, "http://127.0.0.1:9999/")
    await tenant.stored()
    await pass_time(service, "time_expires", "4 days")
    assert await swept(service) == (1, 0)
    [row] = await deliveries(service)
    assert row.last_error == webhook_deliveries.NOT_TRIED
    await pass_time(service, "time_failed", "29 days")
    assert await swept(service) == (0, 0)
    await pass_time(service, "time_failed", "2 days")
    assert await swept(service) == (0, 1)
    assert await deliveries(service) == []


async def test_a_receiver_that_hangs_delays_nobody_else(
    service: FileService, tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay
) -> None:
    released = asyncio.Event()

    async def slow(_: Received) -> bytes:
        await released.wait()
        return OK

    neighbour = await service.tenant()
    async with receiving(slow) as hanging:
        await made(tenant, hanging.url)
        healthy = await made(neighbour, receiver.url), await made(tenant, receiver.url)
        for number in range(3 * AT_A_TIME):
            await tenant.stored(b"%d" % number)
            await neighbour.stored(b"%d" % number)
        await relay.look()
        await receiver.until(6 * AT_A_TIME)
        assert len(hanging.requests) <= AT_A_TIME
        while any([await waiting(service, webhook) for webhook in healthy]):
            pass
        released.set()
        await relay.until_idle()
    assert len(hanging.requests) == 3 * AT_A_TIME


async def test_while_nothing_is_received_one_request_at_a_time_is_tried(
    service: FileService, tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay
) -> None:
    await made(tenant, receiver.url)
    for number in range(2 * AT_A_TIME):
        await tenant.stored(b"%d" % number)
    receiver.answer = lambda _: FAILED
    await turn(relay)
    assert len(receiver.requests) == AT_A_TIME
    await pass_time(service)
    await turn(relay)
    assert len(receiver.requests) == AT_A_TIME + 1
    receiver.answer = lambda _: OK
    await pass_time(service)
    await turn(relay)
    assert await deliveries(service) == []


async def test_one_event_that_is_refused_does_not_hold_up_the_others(
    service: FileService, tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay
) -> None:
    await made(tenant, receiver.url)
    files = [await tenant.stored(b"%d" % number) for number in range(2 * AT_A_TIME)]
    poison = files[3]["id"].encode()
    receiver.answer = lambda received: FAILED if poison in received.body else OK
    await turn(relay)
    [row] = await deliveries(service)
    assert row.data["id"].encode() == poison


async def test_a_tenant_has_a_few_streams_at_a_time(
    service: FileService, tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay
) -> None:
    neighbour = await service.tenant()
    for one in (tenant, neighbour):
        for _ in range(STREAMS_A_TENANT + 1):
            await made(one, receiver.url)
        await one.stored()
    await relay.look()
    by_tenant = [webhook.tenant_id for webhook in relay._streams]
    assert sorted(map(by_tenant.count, set(by_tenant))) == [STREAMS_A_TENANT] * 2
    await relay.look()
    await relay.until_idle()
    while await deliveries(service):
        await turn(relay)
    assert len(receiver.requests) == 2 * (STREAMS_A_TENANT + 1)


async def test_a_relay_has_some_streams_at_a_time(
    service: FileService, tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_relay, "STREAMS", 2)
    for _ in range(3):
        await made(tenant, receiver.url)
    await tenant.stored()
    await relay.look()
    assert len(relay._streams) == 2
    await relay.until_idle()
    await turn(relay)
    assert await deliveries(service) == []


async def test_a_stream_ends_when_its_time_is_over(
    tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_relay, "STREAM_SECONDS", 0.0)
    await made(tenant, receiver.url)
    for number in range(AT_A_TIME + 1):
        await tenant.stored(b"%d" % number)
    await turn(relay)
    assert len(receiver.requests) == AT_A_TIME


async def test_a_secret_that_cannot_be_read_any_more_is_said(
    tenant: SampleTenant, receiver: Receiver, relay: WebhookRelay
) -> None:
    webhook = await made(tenant, receiver.url)
    await tenant.stored()
    await turn(replace(relay, secrets=WebhookSecrets(b"another pepper")))
    [item] = (await shown(tenant, webhook, "/deliveries"))["items"]
    assert "cannot read the webhook's secret" in item["last_error"]
    assert receiver.requests == []


async def test_neither_secrets_nor_urls_are_logged(
    service: FileService,
    tenant: SampleTenant,
    receiver: Receiver,
    relay: WebhookRelay,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", logger="actors")
    webhook = await made(tenant, receiver.url.replace("a=b", "token=hidden"))
    await tenant.stored()
    receiver.answer = lambda _: FAILED
    await turn(relay)
    [record] = [record for record in caplog.records if record.message == "webhook not received"]
    assert record.__dict__["webhook"] == webhook["id"]
    everything = " ".join(repr(record.__dict__) for record in caplog.records if record.name.startswith("actors"))
    assert webhook["secret"] not in everything
    assert "hidden" not in everything
    assert webhook["secret"] not in repr(await deliveries(service))


class Defective:
    async def send(self, _url: str, _secret: str, _message: Message) -> None:
        raise ZeroDivisionError

    async def close(self) -> None: ...


async def test_a_defect_is_logged_and_its_delivery_comes_back(
    service: FileService,
    tenant: SampleTenant,
    receiver: Receiver,
    relay: WebhookRelay,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await made(tenant, receiver.url)
    await tenant.stored()
    await turn(replace(relay, sender=Defective()))
    assert "webhook stream failed" in caplog.messages
    await pass_time(service)
    await turn(relay)
    assert len(receiver.requests) == 1


async def test_a_database_that_is_away_and_a_defect_are_outlived(
    relay: WebhookRelay, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[Exception] = [Unavailable("database"), ZeroDivisionError()]
    outlived = asyncio.Event()

    async def due(_: object) -> list[DueWebhook]:
        if failures:
            raise failures.pop()
        outlived.set()
        return []

    monkeypatch.setattr(webhook_deliveries, "due", due)
    running = asyncio.create_task(relay.run())
    await outlived.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [record.message for record in caplog.records if record.name == "actors.webhook_relay"] == [
        "webhook relay failed",
        "webhook relay pauses",
    ]


async def test_a_stream_waits_for_a_database_that_is_away(
    tenant: SampleTenant,
    receiver: Receiver,
    relay: WebhookRelay,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(*_: object) -> list[Claim]:
        raise Unavailable("database")

    await made(tenant, receiver.url)
    await tenant.stored()
    with monkeypatch.context() as patched:
        patched.setattr(webhook_deliveries, "claim", away)
        await turn(relay)
    assert "webhook stream pauses" in caplog.messages
    await turn(relay)
    assert len(receiver.requests) == 1


async def test_a_relay_that_is_stopped_leaves_what_it_was_at(
    service: FileService, tenant: SampleTenant, receiver: Receiver
) -> None:
    async def never(_: Received) -> bytes:
        await asyncio.Event().wait()
        return OK

    receiver.answer = never
    await made(tenant, receiver.url)
    await tenant.stored()
    running = asyncio.create_task(relay_of(service).run())
    await receiver.until(1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    [row] = await deliveries(service)
    assert (row.attempts, row.last_error) == (1, None)
    assert row.time_due is not None
