"""What is handed to RabbitMQ, by the stand-in that FastStream brings; the real one has tests of its own."""

import pytest
from faststream.rabbit import ExchangeType, RabbitExchange, RabbitMessage, RabbitQueue, TestRabbitBroker

from actors.event_broker import Destination
from actors.event_messages import Message
from actors.event_rabbitmq import RabbitExchangeTransport

MESSAGES = [Message(str(number), "file.created", f"tenant-{number % 2}", b"{}") for number in range(4)]
EXCHANGE = RabbitExchange("events", type=ExchangeType.TOPIC)
EVERYTHING = RabbitQueue("all", routing_key="#")


@pytest.fixture
def transport() -> RabbitExchangeTransport:
    return RabbitExchangeTransport(Destination("amqp://nowhere", "events", 1))


async def test_each_message_goes_under_its_tenant_and_type_and_is_kept(transport: RabbitExchangeTransport) -> None:
    heard: list[RabbitMessage] = []

    @transport._broker.subscriber(EVERYTHING, EXCHANGE)
    async def hear(_: bytes, message: RabbitMessage) -> None:
        heard.append(message)

    async with TestRabbitBroker(transport._broker):
        await transport.connect()
        await transport.publish(MESSAGES)
        await transport.close()
    first, *_ = sorted(heard, key=lambda message: message.message_id)
    assert [first.message_id, len(heard)] == ["0", 4]
    assert (first.body, first.content_type) == (b"{}", "application/cloudevents+json")
    assert first.raw_message.routing_key == "tenant-0.file.created"


async def test_a_batch_of_which_one_message_fails_has_failed(transport: RabbitExchangeTransport) -> None:
    @transport._broker.subscriber(EVERYTHING, EXCHANGE)
    async def refuse(_: bytes, message: RabbitMessage) -> None:
        if message.message_id == "2":
            raise LookupError("refused")

    async with TestRabbitBroker(transport._broker):
        await transport.connect()
        with pytest.raises(LookupError, match="refused"):
            await transport.publish(MESSAGES)
