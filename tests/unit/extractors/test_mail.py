import io
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions
from actors.extractors.mail.extraction import extract
from actors.extractors.mail.headers import decoded_header
from tests.unit.extractors.html_files import shown
from tests.unit.extractors.no_ocr import extracted


def read(tmp_path: Path, mail: EmailMessage | bytes, options: ExtractionOptions | None = None) -> Document:
    path = tmp_path / "sample.eml"
    path.write_bytes(mail if isinstance(mail, bytes) else bytes(mail))
    return extracted(extract, path, options)


def mail_with(text: str = "", html: str = "") -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    if text:
        mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    return mail


def attached(document: Document) -> list[str]:
    return [pair.value for pair in document.key_values if pair.key == "Attachment"]


def png(width: int, height: int) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height)).save(written, "PNG")
    return written.getvalue()


def test_headers_are_key_values_properties_and_furniture(tmp_path: Path) -> None:
    mail = mail_with("Hello\n\nagain")
    mail["Received"] = "from somewhere"
    mail["From"] = "Jürgen Müller <j@example.test>"
    mail["To"] = "Ann <ann@example.test>, bob@example.test"
    mail["Subject"] = "Grüße — №5"
    mail["Date"] = "Mon, 06 May 2024 10:00:00 +0200"
    mail["Content-Language"] = "de"

    document = read(tmp_path, mail)

    assert [(pair.key, pair.value) for pair in document.key_values] == [
        ("From", "Jürgen Müller <j@example.test>"),
        ("To", "Ann <ann@example.test>, bob@example.test"),
        ("Subject", "Grüße — №5"),
        ("Date", "Mon, 06 May 2024 10:00:00 +0200"),
    ]
    said = document.properties
    assert (said.title, said.author, said.language) == ("Grüße — №5", "Jürgen Müller", "de")
    assert said.created == "2024-05-06T08:00:00Z"
    header, title, *text = shown(document)
    assert header.startswith("[header From: Jürgen Müller <j@example.test>\nTo: Ann")
    assert (title, text) == ("title Grüße — №5", ["paragraph Hello", "paragraph again"])


def test_of_alternatives_the_html_is_read(tmp_path: Path) -> None:
    document = read(tmp_path, mail_with("plain", "<h1>Head</h1><table><tr><th>a<th>b</table>"))

    assert shown(document) == ["heading/1 Head", "table a\tb"]
    assert len(document.tables) == 1


def test_html_that_shows_nothing_leaves_the_plain_text(tmp_path: Path) -> None:
    assert shown(read(tmp_path, mail_with("plain", "<img src=x>"))) == ["paragraph plain"]


def test_a_mail_without_text_is_its_headers(tmp_path: Path) -> None:
    assert shown(read(tmp_path, b"Subject: x\n\n")) == ["[header Subject: x]", "title x"]


def test_attachments_are_named_and_not_read(tmp_path: Path) -> None:
    mail = mail_with("see below")
    mail.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="Übersicht.pdf")
    mail.add_attachment("a note", filename="note.txt")
    mail.add_attachment("nameless", disposition="attachment")
    within = mail_with("inside")
    within["Subject"] = "Forwarded"
    mail.add_attachment(within)

    document = read(tmp_path, mail)

    assert attached(document) == [
        "Übersicht.pdf (application/pdf, 8 bytes)",
        *("note.txt (text/plain, 8 bytes)", "(no name) (text/plain, 10 bytes)", "Forwarded (message/rfc822)"),
    ]
    assert shown(document) == ["paragraph see below"]
    assert [warning.code for warning in document.warnings] == ["attachment"]


def test_pictures_that_the_text_shows_are_listed(tmp_path: Path) -> None:
    mail = mail_with("plain", '<p>x <img src="CID:logo@x" alt="Logo"><img src="cid:none"></p>')
    payload = mail.get_payload()
    assert isinstance(payload, list)
    (_, html) = payload
    assert isinstance(html, EmailMessage)
    html.add_related(png(6, 4), "image", "png", cid="<logo@x>")
    html.add_related(png(1, 1), "image", "png", cid="<attached@x>", disposition="attachment", filename="a.png")

    document = read(tmp_path, mail)

    assert [(image.width, image.height, image.media_type) for image in document.images] == [(6, 4, "image/png")]
    assert shown(document) == ["paragraph x Logo", "figure"]
    assert attached(document)[0].startswith("a.png")


def test_texts_one_after_the_other_are_all_read(tmp_path: Path) -> None:
    mail = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst\n--b\nContent-Type: text/html\n\n<p>second\n--b--\n"
    )

    assert shown(read(tmp_path, mail)) == ["paragraph first", "paragraph second"]


@pytest.mark.parametrize(
    "mail",
    [
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/x-unknown\n\nx\n--b--\n",
        b"no headers at all",
        b"",
    ],
)
def test_a_mail_that_is_not_quite_one_is_read_as_far_as_it_goes(tmp_path: Path, mail: bytes) -> None:
    assert read(tmp_path, mail).status == "succeeded"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?= plain", "Grüße plain"),
        ("=?iso-8859-1?q?=80?= x", "€ x"),
        ("=?no-such?q?abc?=", "abc"),
        ("=?utf-8?b?A?=", "=?utf-8?b?A?="),
        ("folded\r\n over lines", "folded over lines"),
        ("=?utf-8?q?a=81=01=02=03=8D=04?=", "a\ufffd   \ufffd"),
    ],
)
def test_headers_are_decoded_or_left(written: str, meant: str) -> None:
    assert decoded_header(written) == meant


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_headers_beyond_ascii_that_say_no_encoding_are_read(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, "Subject: Größe über alles\n\n".encode(encoding)).properties.title == "Größe über alles"


@pytest.mark.parametrize(
    "written", ["", "never", "Mon, 99 Foo 2024 99:99:99 +9999", "Mon, 1 Jan 0100 00:00 -99999999999"]
)
def test_a_date_that_is_none_is_left_out(tmp_path: Path, written: str) -> None:
    assert read(tmp_path, f"Date: {written}\n\nx".encode()).properties.created is None


def test_parts_that_are_nested_without_end_are_refused(tmp_path: Path) -> None:
    mail = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2000))

    with pytest.raises(ExtractionFailed) as failure:
        read(tmp_path, mail)

    assert failure.value.code == "corrupt-file"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=80), st.sampled_from(["Subject", "From", "Date", "To", "Content-Type", "Content-Disposition"])
)
def test_any_header_is_read(tmp_path: Path, value: bytes, name: str) -> None:
    try:
        read(tmp_path, name.encode() + b": " + value + b"\n\ntext")
    except ExtractionFailed as failure:
        assert failure.code == "corrupt-file"  # noqa: PT017 - either outcome is right
