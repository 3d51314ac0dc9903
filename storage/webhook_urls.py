"""What may be the URL of a webhook. Where its name leads is looked at when it is connected to."""

import ipaddress

import httpx

from storage.errors import InvalidFields
from storage.network_addresses import AddressRules

MAX_LENGTH = 2048
FREE_PORTS = range(1024, 2**16)
WEB_PORTS = (80, 443)


def check_url(text: str, rules: AddressRules) -> None:
    """Raises `InvalidFields` for what cannot be sent to, now or ever."""
    problem = _problem(text, rules)
    if problem is not None:
        raise InvalidFields.one("/url", problem)


def parsed_url(text: str) -> httpx.URL | None:
    try:
        return httpx.URL(text)
    except httpx.InvalidURL:
        return None


def _problem(text: str, rules: AddressRules) -> str | None:
    url = parsed_url(text) if text.isascii() and text.isprintable() and " " not in text else None
    if url is None or len(text) > MAX_LENGTH:
        return f"A URL has at most {MAX_LENGTH} printable ASCII characters."
    if url.scheme not in {"https", "http"} or not url.host:
        return "A webhook's URL is https://host[:port]/path."
    if url.userinfo or url.fragment:
        return "A webhook's URL has no credentials and no fragment."
    if url.port is not None and url.port not in (*WEB_PORTS, *FREE_PORTS):
        return f"A webhook's port is 443, 80, or {FREE_PORTS.start} to {FREE_PORTS.stop - 1}."
    return _host_problem(url, rules)


def _host_problem(url: httpx.URL, rules: AddressRules) -> str | None:
    address = _literal(url.host)
    if address is not None and not rules.allows(address):
        return "Webhooks are not sent to private addresses."
    if url.scheme == "http" and not (rules.trusts(address) if address is not None else rules.trusted):
        return "Without TLS, webhooks are sent only within networks that the operator trusts."
    return None


def _literal(host: str) -> str | None:
    """The address that the host is by itself, without asking anybody."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None
