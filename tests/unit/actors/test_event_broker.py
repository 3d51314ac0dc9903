"""Which broker the settings lead to, and what a connection to it may do to the relay."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from faststream.security import BaseSecurity, SASLPlaintext

from actors import event_broker
from actors.event_broker import Destination, EventBroker, transport_for
from actors.event_kafka import KafkaTopicTransport, servers_and_security
from actors.event_messages import Message
from actors.event_rabbitmq import RabbitExchangeTransport
from actors.event_redis import PlainMessage, RedisStreamTransport
from storage.errors import Unavailable
from storage.settings import EVENT_SCHEMES, Settings

MESSAGES = [Message("1", "file.created", "acme", b"{}")]


@pytest.mark.parametrize(
    ("scheme", "transport"),
    [
        ("redis", RedisStreamTransport),
        ("rediss", RedisStreamTransport),
        ("amqp", RabbitExchangeTransport),
        ("amqps", RabbitExchangeTransport),
        ("kafka", KafkaTopicTransport),
        ("kafka+ssl", KafkaTopicTransport),
    ],
)
def test_the_scheme_says_which_broker_it_is(scheme: str, transport: type) -> None:
    assert transport_for(f"{scheme}://host:1") is transport
    assert scheme in EVENT_SCHEMES


def test_every_scheme_that_the_settings_take_leads_to_a_transport() -> None:
    for scheme in EVENT_SCHEMES:
        assert transport_for(f"{scheme}://host:1")(Destination(f"{scheme}://host:1", "events", 1))


def test_events_go_to_the_redis_of_the_cache_unless_told_otherwise() -> None:
    assert Destination.of(Settings(redis_url="redis://cache")).url == "redis://cache"
    told = Settings(redis_url="redis://cache", events_url="amqp://a", events_stream="s", events_stream_max_length=7)
    assert Destination.of(told) == Destination("amqp://a", "s", 7)


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("kafka://one:9092", ["one:9092"]),
        ("kafka://one:9092,two:9093/", ["one:9092", "two:9093"]),
        ("kafka+ssl://one:9092", ["one:9092"]),
    ],
)
def test_a_kafka_url_names_one_or_more_servers(url: str, servers: list[str]) -> None:
    found, security = servers_and_security(url)
    assert found == servers
    assert type(security) is BaseSecurity
    assert security.use_ssl == url.startswith("kafka+ssl")


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_kafka_url_may_hold_credentials(encrypted: bool) -> None:
    scheme = "kafka+ssl" if encrypted else "kafka"
    servers, security = servers_and_security(f"{scheme}://user:p%40ss:word@one:9092,two:9092")
    assert servers == ["one:9092", "two:9092"]
    assert isinstance(security, SASLPlaintext)
    assert (security.username, security.password, security.use_ssl) == ("user", "p@ss:word", encrypted)


async def test_a_message_is_written_to_redis_as_it_is() -> None:
    assert await PlainMessage.encode(message=b"{}", headers={"a": "b"}, correlation_id="c") == b"{}"
    assert PlainMessage.parse(b"{}") == (b"{}", {})


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """Takes connections and never says a word."""
    held: list[asyncio.StreamWriter] = []

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for writer in held:
            writer.transport.abort()


@pytest.mark.parametrize("scheme", ["redis", "amqp", "kafka"])
async def test_a_broker_that_never_answers_is_given_up_and_nothing_goes_on_in_the_background(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_broker, "PUBLISH_SECONDS", 0.5)
    monkeypatch.setattr("actors.event_rabbitmq.CONNECT_SECONDS", 0.2)
    async with silent_server() as port:
        before = asyncio.all_tasks()
        broker = EventBroker(Destination(f"{scheme}://127.0.0.1:{port}", "events", 1))
        for _ in range(2):
            with pytest.raises(Unavailable):
                await broker.publish(MESSAGES)
        assert broker._transport is None
        left = {task for task in asyncio.all_tasks() - before if "hold" not in repr(task)}
        assert left == set()


class Fake:
    """A transport that fails as the test says."""

    away: ClassVar[tuple[type[Exception], ...]] = (LookupError,)
    publishing: ClassVar[BaseException | None] = None
    closing: ClassVar[BaseException | None] = None
    connected: ClassVar[int] = 0

    def __init__(self, destination: Destination) -> None:
        self.destination = destination

    async def connect(self) -> None:
        type(self).connected += 1

    async def publish(self, _: Sequence[Message]) -> None:
        if self.publishing is not None:
            raise self.publishing

    async def close(self) -> None:
        if self.closing is not None:
            raise self.closing


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[Fake]:
    class ThisTests(Fake):
        connected = 0

    monkeypatch.setattr(event_broker, "transport_for", lambda _: ThisTests)
    return ThisTests


@pytest.fixture
def broker() -> EventBroker:
    return EventBroker(Destination("redis://anywhere", "events", 1))


async def test_a_connection_is_used_again_as_long_as_nothing_fails(fake: type[Fake], broker: EventBroker) -> None:
    await broker.publish(MESSAGES)
    await broker.publish(MESSAGES)
    assert fake.connected == 1


@pytest.mark.parametrize("failure", [LookupError("gone"), ConnectionError("gone"), asyncio.CancelledError()])
async def test_a_failure_is_an_absence_and_the_next_try_has_a_connection_of_its_own(
    fake: type[Fake], broker: EventBroker, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    """A library that cancels what it gave up does not end the task that asked for it."""
    with monkeypatch.context() as patched:
        patched.setattr(fake, "publishing", failure)
        with pytest.raises(Unavailable):
            await broker.publish(MESSAGES)
    await broker.publish(MESSAGES)
    assert fake.connected == 2


async def test_a_defect_is_none(fake: type[Fake], broker: EventBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake, "publishing", ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await broker.publish(MESSAGES)


async def test_who_is_cancelled_amid_telling_ends_and_leaves_no_connection(
    fake: type[Fake], broker: EventBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def never_ends(_self: Fake, _: Sequence[Message]) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(fake, "publish", never_ends)
    task = asyncio.create_task(broker.publish(MESSAGES))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert broker._transport is None


@pytest.mark.parametrize("failure", [LookupError("gone"), TimeoutError()])
async def test_a_connection_that_cannot_be_closed_is_left(
    fake: type[Fake],
    broker: EventBroker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failure: BaseException,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(fake, "closing", failure)
    await broker.publish(MESSAGES)
    await broker.close()
    await broker.close()
    assert caplog.messages.count("event broker not taken leave of") == 1
