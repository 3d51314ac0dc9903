"""One attempt: what is sent, where it may go, and what is said when it was not received."""

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook

from actors.event_messages import CONTENT_TYPE, Message
from actors.webhook_sender import MAX_ANSWER_BYTES, NotReceived, WebhookSender
from storage.network_addresses import AddressRules
from storage.webhook_secrets import new_secret
from tests.webhook_receiver import FAILED, OK, TRUSTING, Received, Receiver, receiving

SECRET = new_secret()
MESSAGE = Message("29b21a85", "file.created", "acme", '{"id":"29b21a85","name":"ü"}'.encode())
NAME = "receiver.example"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def sender() -> AsyncIterator[WebhookSender]:
    found = WebhookSender(AddressRules.of(TRUSTING))
    yield found
    await found.close()


async def refusal(sender: WebhookSender, url: str) -> str:
    with pytest.raises(NotReceived) as caught:
        await sender.send(url, SECRET, MESSAGE)
    return str(caught.value)


async def test_a_request_is_signed_as_the_specification_says(receiver: Receiver, sender: WebhookSender) -> None:
    await sender.send(receiver.url, SECRET, MESSAGE)
    [received] = receiver.requests
    headers = received.headers
    assert (received.target, received.body) == ("/hook?a=b", MESSAGE.body)
    assert (headers["host"], headers["content-type"]) == (f"127.0.0.1:{receiver.port}", CONTENT_TYPE)
    assert headers["webhook-id"] == MESSAGE.id
    assert Webhook(SECRET).verify(received.body, dict(headers)) == {"id": "29b21a85", "name": "ü"}


async def test_the_signature_is_over_id_time_and_body(receiver: Receiver) -> None:
    sender = WebhookSender(AddressRules.of(TRUSTING), now=lambda: 1_700_000_000.9)
    await sender.send(receiver.url, SECRET, MESSAGE)
    await sender.close()
    headers = receiver.requests[0].headers
    assert headers["webhook-timestamp"] == "1700000000"
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = hmac.new(key, b"29b21a85.1700000000." + MESSAGE.body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"


async def test_connections_are_kept(receiver: Receiver, sender: WebhookSender) -> None:
    for _ in range(3):
        await sender.send(receiver.url, SECRET, MESSAGE)
    assert [received.connection for received in receiver.requests] == [1, 1, 1]


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_every_success_counts(receiver: Receiver, sender: WebhookSender, status: int) -> None:
    receiver.answer = lambda _: f"HTTP/1.1 {status} Fine\r\nContent-Length: 0\r\n\r\n".encode()
    await sender.send(receiver.url, SECRET, MESSAGE)


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
async def test_every_other_status_is_a_failure(receiver: Receiver, sender: WebhookSender, status: int) -> None:
    receiver.answer = lambda _: f"HTTP/1.1 {status} No\r\nContent-Length: 6\r\n\r\nsecret".encode()
    assert await refusal(sender, receiver.url) == f"The receiver answered {status}."


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(receiver: Receiver, sender: WebhookSender, status: int) -> None:
    elsewhere = receiver.url.replace("/hook", "/elsewhere")
    receiver.answer = lambda _: (
        f"HTTP/1.1 {status} There\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert await refusal(sender, receiver.url) == f"The receiver answered {status}; redirects are not followed."
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_private_addresses_are_refused_however_they_are_written(
    receiver: Receiver, host: str, scheme: str
) -> None:
    sender = WebhookSender(AddressRules())
    url = receiver.url.replace("127.0.0.1", host).replace("http", scheme)
    assert "an address that webhooks are not sent to" in await refusal(sender, url)
    await sender.close()
    assert receiver.connections == 0


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names lead to these addresses, at each look-up to the next of them; the names that were looked up."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in answers[min(len(asked), len(answers)) - 1]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_is_looked_up_once_and_what_was_looked_at_is_connected_to(
    receiver: Receiver, sender: WebhookSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: a name that leads elsewhere a moment later."""
    asked = resolve(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    await sender.send(receiver.url.replace("127.0.0.1", NAME), SECRET, MESSAGE)
    assert asked == [NAME]
    assert receiver.requests[0].headers["host"] == f"{NAME}:{receiver.port}"


async def test_a_name_with_a_private_address_among_its_own_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = WebhookSender(AddressRules())
    resolve(monkeypatch, ["1.1.1.1", "127.0.0.1"])
    url = f"https://{NAME}:{receiver.port}/"
    assert "an address that webhooks are not sent to" in await refusal(sender, url)
    await sender.close()
    assert receiver.connections == 0


async def test_without_tls_only_trusted_networks_are_sent_to(
    sender: WebhookSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, ["1.1.1.1"])
    assert "an address that webhooks are not sent to" in await refusal(sender, f"http://{NAME}/")


async def test_the_next_address_is_tried_when_one_does_not_answer(
    receiver: Receiver, sender: WebhookSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    await sender.send(receiver.url.replace("127.0.0.1", NAME), SECRET, MESSAGE)
    assert len(receiver.requests) == 1


async def test_a_name_that_leads_nowhere_is_said_to(sender: WebhookSender, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert await refusal(sender, f"https://{NAME}/") == "The host's name was not found."


async def test_a_receiver_that_is_not_there_is_a_failure(sender: WebhookSender) -> None:
    async with receiving() as gone:
        pass
    assert (await refusal(sender, gone.url)).startswith("The connection failed: ")


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
async def test_a_receiver_that_breaks_off_is_a_failure(sender: WebhookSender, answer: bytes) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert (await refusal(sender, url)).startswith("The connection failed: ")


async def test_a_receiver_that_hangs_is_left(receiver: Receiver) -> None:
    async def never(_: Received) -> bytes:
        await asyncio.Event().wait()
        return OK

    receiver.answer = never
    sender = WebhookSender(AddressRules.of(TRUSTING), attempt_seconds=0.2)
    assert await refusal(sender, receiver.url) == "No answer within 0.2 seconds."
    await sender.close()


async def test_of_an_endless_answer_only_the_beginning_is_read(receiver: Receiver, sender: WebhookSender) -> None:
    receiver.answer = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + bytes(2 * MAX_ANSWER_BYTES)
    await sender.send(receiver.url, SECRET, MESSAGE)
    receiver.answer = lambda _: FAILED
    assert await refusal(sender, receiver.url) == "The receiver answered 500."
    assert receiver.connections == 2


def certificate_for(name: str, folder: Path) -> Path:
    """A certificate that signed itself, with its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.mark.parametrize("named", [NAME, "other.example"])
async def test_the_certificate_is_that_of_the_name_though_the_address_is_connected_to(
    sender: WebhookSender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    path = certificate_for(NAME, tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(path)
    asked: list[str | None] = []
    tls.sni_callback = lambda _, name, __: asked.append(name)
    async with receiving(tls=tls) as receiver:
        resolve(monkeypatch, ["127.0.0.1"])
        url = f"https://{named}:{receiver.port}/"
        if named == NAME:
            await sender.send(url, SECRET, MESSAGE)
        else:
            assert "certificate" in await refusal(sender, url)
    assert asked == [named]
    assert len(receiver.requests) == (named == NAME)
