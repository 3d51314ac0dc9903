"""Events in a Kafka topic. The key is the tenant's code, so that a tenant's events share a partition and its order."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import unquote

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLPlaintext

from actors.event_broker import Destination
from actors.event_messages import CONTENT_TYPE, Message


def servers_and_security(url: str) -> tuple[list[str], BaseSecurity]:
    """Of `kafka://[user:password@]host:port[,host:port…]`; `kafka+ssl://` is the same over TLS."""
    scheme, _, rest = url.partition("://")
    credentials, _, servers = rest.rstrip("/").rpartition("@")
    encrypted = scheme == "kafka+ssl"
    if not credentials:
        return servers.split(","), BaseSecurity(use_ssl=encrypted)
    user, _, password = credentials.partition(":")
    return servers.split(","), SASLPlaintext(unquote(user), unquote(password), use_ssl=encrypted)


class KafkaTopicTransport:
    away: ClassVar[tuple[type[Exception], ...]] = (KafkaError,)

    def __init__(self, destination: Destination) -> None:
        self._topic = destination.name
        servers, security = servers_and_security(destination.url)
        # Idempotent: what the producer itself sends again neither comes twice nor out of order.
        self._broker = KafkaBroker(servers, security=security, acks="all", enable_idempotence=True)

    async def connect(self) -> None:
        await self._broker.connect()

    async def publish(self, messages: Sequence[Message]) -> None:
        sent = [
            await self._broker.publish(
                message.body,
                topic=self._topic,
                key=message.tenant_code.encode(),
                headers={"content-type": CONTENT_TYPE},
                no_confirm=True,
            )
            for message in messages
        ]
        await asyncio.gather(*sent)

    async def close(self) -> None:
        await self._broker.stop()
