"""The key of agile encryption, from a password ([MS-OFFCRYPTO] 2.3.4.11 to 2.3.4.13).

msoffcrypto-tool derives it too, but fails where the hash is shorter than the key (AES-256 with SHA-1), and hashes all
rounds twice to check the password.
"""

import hashlib
from collections.abc import Mapping
from struct import pack
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_VERIFIER_INPUT = bytes.fromhex("fea7d2763b4b9e79")
_VERIFIER_VALUE = bytes.fromhex("d7aa0f6d3061344e")
_KEY_VALUE = bytes.fromhex("146e0be7abacd0d6")
_HASHES = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}
_BLOCK_BYTES = 16


def agile_key(info: Mapping[str, Any], password: str) -> bytes | None:
    """The package's key, or None for a wrong password; `info` is what msoffcrypto-tool read of the file."""
    digest = _HASHES[info["passwordHashAlgorithm"]]
    salt: bytes = info["passwordSalt"]
    key_bytes: int = info["passwordKeyBits"] // 8
    hashed = digest(salt + password.encode("utf-16-le")).digest()
    for round_number in range(info["spinValue"]):
        hashed = digest(pack("<I", round_number) + hashed).digest()

    def decrypted(data: bytes, purpose: bytes) -> bytes:
        key = digest(hashed + purpose).digest()[:key_bytes].ljust(key_bytes, b"\x36")
        decryptor = Cipher(algorithms.AES(key), modes.CBC(salt[:_BLOCK_BYTES])).decryptor()
        return decryptor.update(data) + decryptor.finalize()

    verifier = digest(decrypted(info["encryptedVerifierHashInput"], _VERIFIER_INPUT)).digest()
    if decrypted(info["encryptedVerifierHashValue"], _VERIFIER_VALUE)[: len(verifier)] != verifier:
        return None
    return decrypted(info["encryptedKeyValue"], _KEY_VALUE)[:key_bytes]
