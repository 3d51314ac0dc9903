"""Passwords of files to extract, encrypted while their job waits and runs."""

import hashlib
import hmac
from uuid import UUID

from storage.tenant_cipher import TenantCipher, derived_key


class JobPasswords(TenantCipher):
    def __init__(self, pepper: bytes) -> None:
        super().__init__(pepper, b"muniment job password")
        self._hash_key = derived_key(pepper, b"muniment job password fingerprint")

    def mixed_into(self, options_hash: str, tenant_id: UUID, password: str) -> str:
        """The options' hash of a job with this password: jobs are the same work only if their passwords are."""
        message = b"\0".join((options_hash.encode(), tenant_id.bytes, password.encode()))
        return hmac.new(self._hash_key, message, hashlib.sha256).hexdigest()
