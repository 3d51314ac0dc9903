"""Passwords of files to extract, encrypted while their job waits and runs."""

import hashlib
import hmac
import secrets
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
"""What AES-GCM takes (NIST SP 800-38D, 8.2); random, for far fewer than 2 ** 32 passwords a key."""


class JobPasswords:
    """Keys are derived from the service's pepper; what one tenant stored does not decrypt as another's."""

    def __init__(self, pepper: bytes) -> None:
        self._cipher = AESGCM(_derived(pepper, b"muniment job password"))
        self._hash_key = _derived(pepper, b"muniment job password fingerprint")

    def encrypt(self, tenant_id: UUID, password: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, password.encode(), tenant_id.bytes)

    def decrypt(self, tenant_id: UUID, encrypted: bytes) -> str:
        """Raises cryptography.exceptions.InvalidTag when the pepper or the tenant is another."""
        nonce, body = encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:]
        return self._cipher.decrypt(nonce, body, tenant_id.bytes).decode()

    def mixed_into(self, options_hash: str, tenant_id: UUID, password: str) -> str:
        """The options' hash of a job with this password: jobs are the same work only if their passwords are."""
        message = b"\0".join((options_hash.encode(), tenant_id.bytes, password.encode()))
        return hmac.new(self._hash_key, message, hashlib.sha256).hexdigest()


def _derived(pepper: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, purpose).derive(pepper)
