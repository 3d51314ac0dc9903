"""OpenDocument behind a password (part 2, 3.8): each part is encrypted by itself, packed before that."""

import base64
import hashlib
import zlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from actors.extractors.document import ExtractionFailed
from actors.extractors.office.package import MAX_PART_BYTES, Package
from actors.extractors.office.xml_tree import Element, attribute, child, corrupt, descendants

_MANIFEST = "META-INF/manifest.xml"
_CHECKED_BYTES = 1024
_MAX_ROUNDS = 10_000_000
_MAX_KEY_BYTES = 32
_HASHES = {"sha1": hashlib.sha1, "sha1-1k": hashlib.sha1, "sha256": hashlib.sha256, "sha256-1k": hashlib.sha256}


def opened(package: Package, password: str | None) -> Package:
    """The package, its parts readable. Raises ExtractionFailed: `password-required`, `wrong-password`, `corrupt-file`.

    `corrupt-file` also for the ciphers before AES, and for files that are encrypted as a whole.
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
    return _Decrypted(package, entries, password)


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How one part was encrypted."""

    checksum_type: str
    checksum: bytes
    vector: bytes
    start_key: str
    salt: bytes
    rounds: int
    key_bytes: int

    @classmethod
    def of(cls, data: Element) -> "_Recipe":
        algorithm, derivation = child(data, "manifest:algorithm"), child(data, "manifest:key-derivation")
        start = child(data, "manifest:start-key-generation")
        if not (attribute(algorithm, "manifest:algorithm-name") or "").endswith("#aes256-cbc"):
            raise corrupt()
        rounds = int(attribute(derivation, "manifest:iteration-count") or 0)
        key_bytes = int(attribute(derivation, "manifest:key-size") or 16)
        if not 0 < rounds <= _MAX_ROUNDS or not 0 < key_bytes <= _MAX_KEY_BYTES:
            raise corrupt()
        return cls(
            _last(attribute(data, "manifest:checksum-type")),
            base64.b64decode(attribute(data, "manifest:checksum") or ""),
            base64.b64decode(attribute(algorithm, "manifest:initialisation-vector") or ""),
            _last(attribute(start, "manifest:start-key-generation-name") or "sha1"),
            base64.b64decode(attribute(derivation, "manifest:salt") or ""),
            rounds,
            key_bytes,
        )

    def decrypted(self, data: bytes, password: str) -> bytes:
        """Packed as it was. Raises ExtractionFailed `wrong-password`."""
        start = _HASHES[self.start_key](password.encode()).digest()
        key = hashlib.pbkdf2_hmac("sha1", start, self.salt, self.rounds, self.key_bytes)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(self.vector)).decryptor()
        padded = decryptor.update(data) + decryptor.finalize()
        plain = padded[: -padded[-1]]
        checked = plain[:_CHECKED_BYTES] if self.checksum_type.endswith("-1k") else plain
        if _HASHES[self.checksum_type](checked).digest() != self.checksum:
            raise ExtractionFailed("wrong-password", "parse", "The password does not open the file.")
        return plain


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
            packed = _Recipe.of(entry).decrypted(data, self._password)
            return zlib.decompressobj(-15).decompress(packed, MAX_PART_BYTES)
        except (ValueError, KeyError, IndexError, zlib.error) as error:
            raise corrupt() from error

    def head(self, name: str, size: int) -> bytes:
        try:
            return self.part(name)[:size]
        except ExtractionFailed:
            return b""
