"""API keys: `mk_<key id>_<secret>`. Only a keyed hash of the secret is stored."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Literal, Self, get_args

from storage.identifiers import ALPHABET, random_text
from storage.records import KeyRecord

Scope = Literal["files:read", "files:write", "extractions:read", "extractions:write", "tenant:admin"]
ALL_SCOPES: tuple[Scope, ...] = get_args(Scope)

KEY_ID_LENGTH = 16
SECRET_BYTES = 32
KEY_ID = re.compile(rf"[{ALPHABET}]{{{KEY_ID_LENGTH}}}")
BEARER_KEY = re.compile(rf"mk_({KEY_ID.pattern})_([A-Za-z0-9_-]{{43}})")


def hash_secret(secret: str, pepper: bytes) -> bytes:
    """HMAC-SHA256. A slow password hash would add nothing: the secret has 256 random bits."""
    return hmac.digest(pepper, secret.encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class BearerKey:
    """A key as its holder sends it."""

    id: str
    secret: str

    @classmethod
    def new(cls) -> Self:
        return cls(random_text(KEY_ID_LENGTH), secrets.token_urlsafe(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        match = BEARER_KEY.fullmatch(text)
        return cls(*match.groups()) if match else None

    def __str__(self) -> str:
        return f"mk_{self.id}_{self.secret}"

    def opens(self, record: KeyRecord, pepper: bytes) -> bool:
        """Whether this is the key of that record, and it has not expired."""
        expected = bytes.fromhex(record.secret_hash)
        return hmac.compare_digest(hash_secret(self.secret, pepper), expected) and not record.has_expired
