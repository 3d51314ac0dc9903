"""Events in a RabbitMQ topic exchange. Routing keys are `<tenant's code>.<type>`, such as `acme.file.created`."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange

from actors.event_broker import Destination
from actors.event_messages import CONTENT_TYPE, Message

CONNECT_SECONDS = 5.0


class RabbitExchangeTransport:
    away: ClassVar[tuple[type[Exception], ...]] = (AMQPError, ChannelInvalidStateError)

    def __init__(self, destination: Destination) -> None:
        # Shorter than what the caller waits: a connection attempt that is cancelled would go on in the background.
        self._broker = RabbitBroker(destination.url, timeout=CONNECT_SECONDS)
        self._exchange = RabbitExchange(destination.name, type=ExchangeType.TOPIC, durable=True)

    async def connect(self) -> None:
        await self._broker.connect()
        await self._broker.declare_exchange(self._exchange)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Sent one after another, confirmed in whatever order."""
        publishing = [asyncio.create_task(self._publish(message)) for message in messages]
        try:
            await asyncio.gather(*publishing)
        finally:
            # The library connects again by itself: what comes after a message that was lost is not to go out before it.
            for task in publishing:
                task.cancel()

    async def _publish(self, message: Message) -> None:
        await self._broker.publish(
            message.body,
            exchange=self._exchange,
            routing_key=f"{message.tenant_code}.{message.type}",
            # Events are kept for the queues that are bound; where there is none, nobody asked for them.
            mandatory=False,
            persist=True,
            message_id=message.id,
            content_type=CONTENT_TYPE,
        )

    async def close(self) -> None:
        await self._broker.stop()
