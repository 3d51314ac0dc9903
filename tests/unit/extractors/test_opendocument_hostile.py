"""OpenDocument files that are broken, encrypted or mean harm."""

import base64
import hashlib
import os
import zipfile
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.extractors.document import ExtractionFailed, ExtractionOptions
from tests.unit.extractors.docx_files import write_parts
from tests.unit.extractors.opendocument_files import NAMESPACES, p, read, root, write_odf

ENTITY = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
PICTURE = "<draw:frame><draw:image xlink:href='a.png'/></draw:frame>"
TEXT = f"<office:body><office:text>{p('secret plan')}{PICTURE}</office:text></office:body>"


def refused(path: Path, options: ExtractionOptions | None = None) -> str:
    with pytest.raises(ExtractionFailed) as failure:
        read(path, options)
    return failure.value.code


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"content.xml": "<"},
        {"content.xml": root("document-content", "")},
        {"content.xml": root("document-content", "<office:body><office:chart/></office:body>")},
        {"content.xml": ENTITY + root("document-content", TEXT.replace("plan", "&secret;")).partition("?>")[2]},
        {"content.xml": root("document-content", TEXT), "styles.xml": ENTITY + "<x/>"},
    ],
)
def test_what_is_no_document_is_corrupt(tmp_path: Path, parts: dict[str, str | bytes]) -> None:
    assert refused(write_parts(tmp_path / "sample.odt", parts)) == "corrupt-file"


def test_a_manifest_without_encryption_says_nothing(tmp_path: Path) -> None:
    manifest = f'<manifest:manifest xmlns:manifest="{NAMESPACES["manifest"]}"/>'

    assert (
        read(write_odf(tmp_path / "sample.odt", p("open"), parts={"META-INF/manifest.xml": manifest})).content == "open"
    )


def test_a_file_without_styles_is_read(tmp_path: Path) -> None:
    path = write_parts(tmp_path / "sample.odt", {"content.xml": root("document-content", TEXT)})

    assert read(path).content == "secret plan"


@pytest.mark.parametrize(
    ("opening", "closing", "times"),
    [
        ("<text:list><text:list-item>", "</text:list-item></text:list>", 120),
        ("<table:table><table:table-row><table:table-cell>", "</table:table-cell></table:table-row></table:table>", 80),
        ("<draw:g>", "</draw:g>", 240),
        ("<text:p><text:span>" + "<text:span>" * 240, "</text:span>" * 240 + "</text:span></text:p>", 1),
    ],
)
def test_nesting_as_deep_as_xml_may_be_is_read(tmp_path: Path, opening: str, closing: str, times: int) -> None:
    inside = "x" if "span" in opening else f"<draw:rect>{p('x')}</draw:rect>" if "draw" in opening else p("x")

    assert "x" in read(write_odf(tmp_path / "sample.odt", opening * times + inside + closing * times)).content


def test_what_is_nested_deeper_is_corrupt(tmp_path: Path) -> None:
    deep = "<text:section>" * 300 + p("x") + "</text:section>" * 300

    assert refused(write_odf(tmp_path / "sample.odt", deep)) == "corrupt-file"


def encrypted(path: Path, password: str, replaced: tuple[str, str] = ("", ""), checksum: str = "sha256-1k") -> Path:
    """As LibreOffice has encrypted since 3.5; `replaced` is what to change in the manifest."""
    entries, parts = "", dict[str, str | bytes]()
    for name, plain in {"content.xml": root("document-content", TEXT).encode(), "a.png": b"no picture"}.items():
        salt, vector = os.urandom(16), os.urandom(16)
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(plain) + packer.flush()
        padding = 16 - len(packed) % 16
        padded = packed + os.urandom(padding - 1) + bytes([padding])
        start = hashlib.sha256(password.encode()).digest()
        key = hashlib.pbkdf2_hmac("sha1", start, salt, 1000, 32)
        encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
        parts[name] = encryptor.update(padded) + encryptor.finalize()
        proof = hashlib.sha256(packed[:1024] if checksum.endswith("1k") else packed).digest()
        salt64, vector64, proof64 = (base64.b64encode(each).decode() for each in (salt, vector, proof))
        entries += (
            f'<manifest:file-entry manifest:full-path="{name}" manifest:size="{len(plain)}"><manifest:encryption-data '
            f'manifest:checksum-type="{NAMESPACES["manifest"]}#{checksum}" manifest:checksum="{proof64}">'
            '<manifest:algorithm manifest:algorithm-name="http://www.w3.org/2001/04/xmlenc#aes256-cbc" '
            f'manifest:initialisation-vector="{vector64}"/><manifest:key-derivation '
            'manifest:key-derivation-name="PBKDF2" manifest:key-size="32" manifest:iteration-count="1000" '
            f'manifest:salt="{salt64}"/><manifest:start-key-generation manifest:start-key-generation-name='
            '"http://www.w3.org/2000/09/xmldsig#sha256" manifest:key-size="32"/></manifest:encryption-data>'
            "</manifest:file-entry>"
        )
    manifest = (
        f'<manifest:manifest xmlns:manifest="{NAMESPACES["manifest"]}"><manifest:file-entry manifest:full-path="/"/>'
        f"{entries}</manifest:manifest>"
    )
    parts |= {
        "META-INF/manifest.xml": manifest.replace(*replaced),
        "mimetype": "application/vnd.oasis.opendocument.text",
    }
    return write_parts(path, parts | {"styles.xml": root("document-styles", "")})


def encrypted_whole(path: Path, password: str, replaced: tuple[str, str] = ("", "")) -> Path:
    """As LibreOffice encrypts since 24.8."""
    plain = write_parts(path, {"content.xml": root("document-content", TEXT)}).read_bytes()
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(plain) + packer.flush()
    salt, vector = os.urandom(16), os.urandom(12)
    start = hashlib.sha256(password.encode()).digest()
    key = Argon2id(salt=salt, length=32, iterations=3, lanes=4, memory_cost=65536).derive(start)
    salt64, vector64 = (base64.b64encode(each).decode() for each in (salt, vector))
    loext = "urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0"
    manifest = (
        f'<manifest:manifest xmlns:manifest="{NAMESPACES["manifest"]}" xmlns:loext="{loext}"><manifest:file-entry '
        f'manifest:full-path="encrypted-package" manifest:size="{len(plain)}"><manifest:encryption-data>'
        '<manifest:algorithm manifest:algorithm-name="http://www.w3.org/2009/xmlenc11#aes256-gcm" '
        f'manifest:initialisation-vector="{vector64}"/><manifest:start-key-generation '
        'manifest:start-key-generation-name="http://www.w3.org/2001/04/xmlenc#sha256" manifest:key-size="32"/>'
        "<manifest:key-derivation manifest:key-derivation-name="
        '"urn:org:documentfoundation:names:experimental:office:manifest:argon2id" manifest:key-size="32" '
        f'manifest:salt="{salt64}" loext:argon2-iterations="3" loext:argon2-memory="65536" loext:argon2-lanes="4"/>'
        "</manifest:encryption-data></manifest:file-entry></manifest:manifest>"
    )
    closed = vector + AESGCM(key).encrypt(vector, packed, None)
    mimetype = "application/vnd.oasis.opendocument.text"
    return write_parts(
        path,
        {"mimetype": mimetype, "encrypted-package": closed, "META-INF/manifest.xml": manifest.replace(*replaced)},
    )


def test_a_password_opens_a_package_that_was_closed_as_a_whole(tmp_path: Path) -> None:
    path = encrypted_whole(tmp_path / "sample.odt", "right")

    assert refused(path) == "password-required"
    assert refused(path, ExtractionOptions(password="wrong")) == "wrong-password"
    assert read(path, ExtractionOptions(password="right")).content == "secret plan"


@pytest.mark.parametrize(
    "replaced",
    [
        ('argon2-memory="65536"', 'argon2-memory="99999999"'),
        ('argon2-iterations="3"', 'argon2-iterations="100"'),
        ('argon2-lanes="4"', 'argon2-lanes="0"'),
        ("#aes256-gcm", "#aes512"),
    ],
)
def test_a_key_that_costs_too_much_is_not_derived(tmp_path: Path, replaced: tuple[str, str]) -> None:
    path = encrypted_whole(tmp_path / "sample.odt", "right", replaced)

    assert refused(path, ExtractionOptions(password="right")) == "corrupt-file"


@pytest.mark.parametrize("checksum", ["sha256-1k", "sha256"])
def test_a_password_opens_what_it_closed(tmp_path: Path, checksum: str) -> None:
    path = encrypted(tmp_path / "sample.odt", "right", checksum=checksum)

    assert refused(path) == "password-required"
    assert refused(path, ExtractionOptions(password="wrong")) in {"wrong-password", "corrupt-file"}
    document = read(path, ExtractionOptions(password="right"))
    assert document.content == "secret plan"
    assert [(image.width, image.media_type) for image in document.images] == [(0, "image/png")]


def test_a_wrong_password_is_told_from_a_broken_file(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "sample.odt", "right")

    codes = {refused(path, ExtractionOptions(password=f"wrong {number}")) for number in range(5)}

    assert codes == {"wrong-password"}


@pytest.mark.parametrize(
    "replaced",
    [
        ("#aes256-cbc", "#blowfish"),
        ('iteration-count="1000"', 'iteration-count="99999999999"'),
        ('iteration-count="1000"', 'iteration-count="many"'),
        ('key-size="32" manifest:iter', 'key-size="9999" manifest:iter'),
        ("#sha256-1k", "#md5"),
        ("xmldsig#sha256", "xmldsig#md5"),
        ('initialisation-vector="', 'initialisation-vector="AAAA'),
    ],
)
def test_other_encryption_is_refused(tmp_path: Path, replaced: tuple[str, str]) -> None:
    path = encrypted(tmp_path / "sample.odt", "right", replaced)

    assert refused(path, ExtractionOptions(password="right")) == "corrupt-file"


def test_a_picture_that_cannot_be_decrypted_has_no_size(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "sample.odt", "right")
    with zipfile.ZipFile(path) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    write_parts(path, parts | {"a.png": b"0" * 32})

    document = read(path, ExtractionOptions(password="right"))

    assert [(image.width, image.media_type) for image in document.images] == [(0, "image/png")]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_damaged_byte_is_read_over_or_refused(tmp_path: Path, position: int, value: int) -> None:
    path = write_odf(tmp_path / "sample.odt", p("Some text") * 20)
    data = bytearray(path.read_bytes())
    data[position % len(data)] = value
    path.write_bytes(data)

    try:
        read(path)
    except ExtractionFailed as failure:
        assert failure.code == "corrupt-file"  # noqa: PT017 - either outcome is right
