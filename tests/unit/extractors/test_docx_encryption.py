"""Word documents behind a password, in all the ways that Word has encrypted them."""

# ruff: noqa: S305, S324 - ECB and SHA-1 are what the old formats use
import io
import os
from hashlib import sha1
from pathlib import Path
from struct import pack

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from msoffcrypto.format.ooxml import OOXMLFile
from msoffcrypto.method.container.ecma376_encrypted import ECMA376Encrypted
from msoffcrypto.method.ecma376_standard import ECMA376Standard

from actors.extractors.cpu_budget import OutOfBudget
from actors.extractors.document import ExtractionFailed, ExtractionOptions
from actors.extractors.office import encryption
from actors.extractors.office.agile_key import agile_key
from tests.unit.extractors.docx_files import p, read, write_docx


def failure_of(path: Path, password: str | None) -> str:
    with pytest.raises(ExtractionFailed) as failure:
        read(path, ExtractionOptions(password=password))
    return failure.value.code


def aes(key: bytes, mode: modes.CBC | modes.ECB, data: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), mode).encryptor()
    return encryptor.update(data) + encryptor.finalize()


@pytest.fixture
def plain(tmp_path: Path) -> bytes:
    # Word, too, never writes a stream below the 4,096 bytes from which on OLE files keep one in sectors of its own.
    filler = os.urandom(5000)
    return write_docx(tmp_path / "plain.docx", p("secret text"), {"media/filler.png": filler}).read_bytes()


@pytest.fixture
def agile(tmp_path: Path, plain: bytes) -> Path:
    """As Word 2010 and later do it."""
    path = tmp_path / "agile.docx"
    with path.open("wb") as target:
        OOXMLFile(io.BytesIO(plain)).encrypt("pass", target)
    return path


@pytest.fixture
def standard(tmp_path: Path, plain: bytes) -> Path:
    """As Word 2007 did it ([MS-OFFCRYPTO] 2.3.4.5 to 2.3.4.9)."""
    salt, verifier = os.urandom(16), os.urandom(16)
    key = bytes(ECMA376Standard.makekey_from_password("pass", 0x660E, 0x8004, 0x18, 128, 16, salt))
    header = pack("<8I", 0x24, 0, 0x660E, 0x8004, 128, 0x18, 0, 0) + "AES\0".encode("utf-16-le")
    proof = aes(key, modes.ECB(), sha1(verifier).digest() + bytes(12))
    verification = pack("<I", 16) + salt + aes(key, modes.ECB(), verifier) + pack("<I", 20) + proof
    info = pack("<HHII", 3, 2, 0x24, len(header)) + header + verification
    padded = plain + bytes(-len(plain) % 16)
    path = tmp_path / "standard.docx"
    with path.open("wb") as target:
        ECMA376Encrypted(pack("<Q", len(plain)) + aes(key, modes.ECB(), padded), info).write_to(target)
    return path


@pytest.mark.parametrize("kind", ["agile", "standard"])
def test_the_password_opens_the_file(kind: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(kind)

    assert read(path, ExtractionOptions(password="pass")).content == "secret text"
    assert failure_of(path, None) == "password-required"
    assert failure_of(path, "guess") == "wrong-password"
    assert failure_of(path, "") == "wrong-password"


def test_a_hash_shorter_than_the_key_is_padded() -> None:
    salt, key = os.urandom(16), os.urandom(32)
    hashed = sha1(salt + "pass".encode("utf-16-le")).digest()
    hashed = sha1(pack("<I", 0) + hashed).digest()

    def encrypted(data: bytes, purpose: str) -> bytes:
        padded_key = sha1(hashed + bytes.fromhex(purpose)).digest() + b"\x36" * 12
        return aes(padded_key, modes.CBC(salt), data)

    verifier = os.urandom(16)
    info = {
        "passwordHashAlgorithm": "SHA1",
        "passwordSalt": salt,
        "passwordKeyBits": 256,
        "spinValue": 1,
        "encryptedVerifierHashInput": encrypted(verifier, "fea7d2763b4b9e79"),
        "encryptedVerifierHashValue": encrypted(sha1(verifier).digest() + bytes(12), "d7aa0f6d3061344e"),
        "encryptedKeyValue": encrypted(key, "146e0be7abacd0d6"),
    }

    assert agile_key(info, "pass") == key
    assert agile_key(info, "guess") is None


def test_an_encrypted_file_that_is_damaged_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "damaged.docx"
    with path.open("wb") as target:
        ECMA376Encrypted(b"too short", b"\x04\x00\x04\x00@\x00\x00\x00<encryption/>").write_to(target)

    assert failure_of(path, None) == "password-required"
    assert failure_of(path, "pass") == "corrupt-file"


def test_an_ole_file_that_holds_no_package_is_corrupt(agile: Path) -> None:
    data = agile.read_bytes()
    agile.write_bytes(data.replace("EncryptedPackage".encode("utf-16-le"), "WordDocument\0\0\0\0".encode("utf-16-le")))

    assert failure_of(agile, "pass") == "corrupt-file"


def test_a_file_too_large_to_decrypt_in_memory_is_refused(agile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "MAX_BYTES", 100)

    assert failure_of(agile, "pass") == "corrupt-file"


@pytest.mark.parametrize(("raised", "seen"), [(OutOfBudget, ExtractionFailed), (MemoryError, MemoryError)])
def test_hashing_without_end_is_given_up_and_lack_of_memory_told(
    agile: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], seen: type[BaseException]
) -> None:
    def hash_without_end(*_: object) -> bytes:
        raise raised

    monkeypatch.setattr(encryption, "agile_key", hash_without_end)

    with pytest.raises(seen):
        read(agile, ExtractionOptions(password="pass"))
