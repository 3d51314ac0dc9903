"""Secrets of tenants that the service must be able to read again, encrypted under the service's pepper."""

import secrets
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
"""What AES-GCM takes (NIST SP 800-38D, 8.2); random, for far fewer than 2 ** 32 secrets a key."""


class TenantCipher:
    """For one purpose, which has a key of its own; what one tenant stored does not decrypt as another's."""

    def __init__(self, pepper: bytes, purpose: bytes) -> None:
        self._cipher = AESGCM(derived_key(pepper, purpose))

    def encrypt(self, tenant_id: UUID, secret: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), tenant_id.bytes)

    def decrypt(self, tenant_id: UUID, encrypted: bytes) -> str:
        """Raises cryptography.exceptions.InvalidTag when the pepper, the purpose or the tenant is another."""
        nonce, body = encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:]
        return self._cipher.decrypt(nonce, body, tenant_id.bytes).decode()


def derived_key(pepper: bytes, purpose: bytes) -> bytes:
    """32 bytes that tell nothing about the pepper or the keys of other purposes."""
    return HKDF(SHA256(), 32, None, purpose).derive(pepper)
