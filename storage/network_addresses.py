"""Which addresses the service connects to when a tenant says where: public ones, and those that the operator trusts."""

import ipaddress
from dataclasses import dataclass
from typing import Self

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NOT_FOR_OTHERS = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments, where a cloud has its metadata
        "192.88.99.0/24",  # relays of 6to4
        "168.63.129.16/32",  # a cloud's host, for its virtual machines only
    )
)
"""What the standard library takes for global."""


@dataclass(frozen=True, slots=True)
class AddressRules:
    trusted: tuple[Network, ...] = ()

    @classmethod
    def of(cls, networks: str) -> Self:
        """`10.0.0.0/8, fd00::/8`. Raises ValueError."""
        return cls(tuple(ipaddress.ip_network(part.strip()) for part in networks.split(",") if part.strip()))

    def trusts(self, text: str) -> bool:
        address = _address(text)
        return any(address in network for network in self.trusted)

    def allows(self, text: str) -> bool:
        return self.trusts(text) or _is_public(_address(text))


def _address(text: str) -> Address:
    """The address that is reached: an IPv4 address that is written as an IPv6 one is what it is."""
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        # Within global unicast, tunnels lead to the IPv4 address that they hold.
        return address in GLOBAL_UNICAST and address.is_global and not (address.sixtofour or address.teredo)
    return address.is_global and not address.is_multicast and not any(address in network for network in NOT_FOR_OTHERS)
