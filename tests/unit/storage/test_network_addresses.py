"""Where webhooks may lead."""

import pytest

from storage.errors import InvalidFields
from storage.network_addresses import AddressRules
from storage.webhook_urls import check_url

PUBLIC = AddressRules()
TRUSTING = AddressRules.of("10.0.0.0/8, fd00::/8,127.0.0.0/8")

REFUSED = [
    "0.0.0.0",  # noqa: S104 - what is refused
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", REFUSED)
def test_private_and_special_addresses_are_refused(address: str) -> None:
    assert not PUBLIC.allows(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are_allowed_and_not_trusted(address: str) -> None:
    assert PUBLIC.allows(address)
    assert not TRUSTING.trusts(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1"])
def test_what_the_operator_trusts_is_allowed(address: str) -> None:
    assert TRUSTING.trusts(address)
    assert TRUSTING.allows(address)


def problem(url: str, rules: AddressRules = PUBLIC) -> str | None:
    try:
        check_url(url, rules)
    except InvalidFields as error:
        [(pointer, detail)] = error.fields
        assert pointer == "/url"
        return detail
    return None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",
        "https://example.org",
        "https://example.org:8443/a?b=c",
        "https://example.org:443/",
        "https://xn--bcher-kva.example/",
        "https://1.1.1.1/",
        "https://[2606:4700::1111]/",
    ],
)
def test_urls_of_public_hosts_may_be_webhooks(url: str) -> None:
    assert problem(url) is None


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "https://host"),
        ("example.org", "https://host"),
        ("https://", "https://host"),
        ("ftp://example.org/", "https://host"),
        ("file:///etc/passwd", "https://host"),
        ("https://b\u00fccher.example/", "ASCII"),
        ("https://example.org/a b", "ASCII"),
        ("https://example.org/\r\nX: y", "ASCII"),
        ("https://example.org:99999/", "port"),
        ("https://example.org/" + "a" * 2048, "2048"),
        ("https://user:password@example.org/", "credentials"),
        ("https://example.org/#part", "fragment"),
        ("https://[::1/", "ASCII"),
        ("https://example.org:22/", "port"),
        ("https://example.org:0/", "port"),
        ("https://127.0.0.1/", "private"),
        ("https://[::1]/", "private"),
        ("https://[::ffff:169.254.169.254]/", "private"),
        ("https://localhost:8443/", "private"),
        ("https://a.LocalHost./", "private"),
        ("http://example.org/", "TLS"),
        ("http://1.1.1.1/", "TLS"),
    ],
)
def test_other_urls_are_refused_with_the_reason(url: str, word: str) -> None:
    assert word in (problem(url) or "")


def test_within_trusted_networks_tls_is_no_must() -> None:
    for url in ("http://10.0.0.1:8080/", "http://localhost:8080/", "http://receiver.internal/", "https://10.0.0.1/"):
        assert problem(url, TRUSTING) is None
    assert "TLS" in (problem("http://1.1.1.1/", TRUSTING) or "")
    assert "private" in (problem("https://192.168.0.1/", TRUSTING) or "")


@pytest.mark.parametrize("networks", ["10.0.0.0/33", "10.0.0.1/8", "everything"])
def test_networks_that_are_none_are_refused(networks: str) -> None:
    with pytest.raises(ValueError, match=r"10\.|everything"):
        AddressRules.of(networks)
