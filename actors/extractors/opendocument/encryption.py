"""OpenDocument behind a password (part 2, 3.8): each part, or the package as a whole, is packed and then encrypted."""

import base64
import hashlib
import io
import zlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from actors.extractors.document import ExtractionFailed
from actors.extractors.office.package import MAX_PART_BYTES, Package
from actors.extractors.office.xml_tree import Element, attribute, child, corrupt, descendants

_MANIFEST = "META-INF/manifest.xml"
_WHOLE = "encrypted-package"
"""The part that is the whole package, encrypted."""
_CHECKED_BYTES = 1024
_MAX_ROUNDS = 10_000_000
_MAX_KEY_BYTES = 32
_MAX_MEMORY, _MAX_LANES = 2**20, 64
"""Of Argon2: KiB, and threads that it is made for."""
_MAX_PASSES = 2**22
"""KiB that Argon2 goes through in all."""
_HASHES = {"sha1": hashlib.sha1, "sha1-1k": hashlib.sha1, "sha256": hashlib.sha256, "sha256-1k": hashlib.sha256}


def opened(package: Package, password: str | None) -> Package:
    """The package, its parts readable. Raises ExtractionFailed: `password-required`, `wrong-password`, `corrupt-file`.

    `corrupt-file` also for the ciphers before AES.
    """
    if _MANIFEST not in package:
        return package
    entries = {
        attribute(entry, "manifest:full-path") or "": data
        for entry in descendants(package.xml(_MANIFEST), "manifest:file-entry")
        if (data := child(entry, "manifest:encryption-data")) is not None
    }
    if not entries:
        return package
    if password is None:
        raise ExtractionFailed("password-required", "parse", "The file can only be opened with a password.")
    decrypted = _Decrypted(package, entries, password)
    return Package(io.BytesIO(decrypted.part(_WHOLE))) if _WHOLE in entries else decrypted


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How one part was encrypted, or the package as a whole (as LibreOffice does it since 24.8)."""

    data: Element

    def decrypted(self, data: bytes, password: str) -> bytes:
        """Packed as it was. Raises ExtractionFailed `wrong-password`; ValueError and KeyError for an unknown recipe."""
        algorithm = child(self.data, "manifest:algorithm")
        vector = _bytes(algorithm, "initialisation-vector")
        key = _key(self.data, password)
        match _last(attribute(algorithm, "manifest:algorithm-name")):
            case "aes256-cbc":
                decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
                padded = decryptor.update(data) + decryptor.finalize()
                plain = padded[: -padded[-1]]
                self._check(plain)
                return plain
            case "aes256-gcm":
                try:
                    return AESGCM(key).decrypt(vector, data.removeprefix(vector), None)
                except InvalidTag as error:
                    raise _wrong_password() from error
            case _:
                raise corrupt()

    def _check(self, plain: bytes) -> None:
        kind = _last(attribute(self.data, "manifest:checksum-type"))
        checked = plain[:_CHECKED_BYTES] if kind.endswith("-1k") else plain
        if _HASHES[kind](checked).digest() != _bytes(self.data, "checksum"):
            raise _wrong_password()


def _key(data: Element, password: str) -> bytes:
    derivation = child(data, "manifest:key-derivation")
    start_name = attribute(child(data, "manifest:start-key-generation"), "manifest:start-key-generation-name")
    start = _HASHES[_last(start_name or "sha1")](password.encode()).digest()
    salt, size = _bytes(derivation, "salt"), _number(derivation, "key-size", 16, most=_MAX_KEY_BYTES)
    if (attribute(derivation, "manifest:key-derivation-name") or "").endswith("argon2id"):
        memory = _number(derivation, "argon2-memory", 65_536, most=_MAX_MEMORY)
        rounds = _number(derivation, "argon2-iterations", 3, most=_MAX_PASSES // memory)
        lanes = _number(derivation, "argon2-lanes", 4, most=_MAX_LANES)
        return Argon2id(salt=salt, length=size, iterations=rounds, lanes=lanes, memory_cost=memory).derive(start)
    rounds = _number(derivation, "iteration-count", 1024, most=_MAX_ROUNDS)
    return hashlib.pbkdf2_hmac("sha1", start, salt, rounds, size)


def _bytes(element: Element | None, name: str) -> bytes:
    return base64.b64decode(attribute(element, f"manifest:{name}") or "")


def _number(element: Element | None, name: str, default: int, *, most: int) -> int:
    """LibreOffice has its own namespace for what OpenDocument does not know yet."""
    written = attribute(element, f"manifest:{name}") or attribute(element, f"loext:{name}")
    number = default if written is None else int(written)
    if not 0 < number <= most:
        raise ValueError(f"{name} is {number}")
    return number


def _wrong_password() -> ExtractionFailed:
    return ExtractionFailed("wrong-password", "parse", "The password does not open the file.")


def _last(name: str | None) -> str:
    """`http://…#sha256-1k` and `SHA1/1K` are `sha256-1k` and `sha1-1k`."""
    return (name or "").rpartition("#")[2].lower().replace("/", "-")


class _Decrypted(Package):
    """A package whose encrypted parts are decrypted as they are read."""

    def __init__(self, package: Package, entries: dict[str, Element], password: str) -> None:
        self._package, self._encrypted, self._password = package, entries, password

    def close(self) -> None:
        self._package.close()

    def __contains__(self, name: str) -> bool:
        return name in self._package

    def part(self, name: str) -> bytes:
        data = self._package.part(name)
        entry = self._encrypted.get(name)
        if entry is None:
            return data
        try:
            packed = _Recipe(entry).decrypted(data, self._password)
            return zlib.decompressobj(-15).decompress(packed, MAX_PART_BYTES)
        except (ValueError, KeyError, IndexError, zlib.error) as error:
            raise corrupt() from error

    def head(self, name: str, size: int) -> bytes:
        try:
            return self.part(name)[:size]
        except ExtractionFailed:
            return b""
