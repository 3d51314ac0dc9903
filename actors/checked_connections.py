"""Connections to hosts that tenants name: the name is resolved once, and what was looked at is what is connected to."""

import asyncio
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import httpcore

from storage.network_addresses import AddressRules

RESOLVERS = 64
"""Threads of their own: a name server that does not answer must not hold up what others wait for."""


class AddressRefused(Exception):
    """The host's name leads to where nobody is sent."""


class HostNotFound(Exception):
    """The host's name leads nowhere."""


class CheckedConnections(httpcore.AsyncNetworkBackend):
    """`trusted_only`: nothing but the operator's networks, for what is sent in the clear."""

    def __init__(self, rules: AddressRules, *, trusted_only: bool = False) -> None:
        self._allows = rules.trusts if trusted_only else rules.allows
        self._network = httpcore.AnyIOBackend()
        self._resolvers = ThreadPoolExecutor(RESOLVERS, "webhook-names")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises `AddressRefused`, `HostNotFound` and what httpcore raises."""
        addresses = await self._resolve(host, port)
        # All of them: a name that leads to both kinds of address is not to be trusted with either.
        if not all(self._allows(address) for address in addresses):
            raise AddressRefused
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return await self._network.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def _resolve(self, host: str, port: int) -> list[str]:
        def look_up() -> list[str]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(address[0]) for *_, address in found))

        try:
            return await asyncio.get_running_loop().run_in_executor(self._resolvers, look_up)
        except (OSError, UnicodeError) as error:
            raise HostNotFound from error

    async def aclose(self) -> None:
        self._resolvers.shutdown(wait=False, cancel_futures=True)
