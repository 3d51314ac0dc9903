"""The secrets that webhooks are signed with, in the form of the Standard Webhooks specification: `whsec_<base64>`."""

import base64
import secrets

from storage.tenant_cipher import TenantCipher

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification asks for 24 to 64."""


class WebhookSecrets(TenantCipher):
    """The database alone gives no secret away: they are encrypted."""

    def __init__(self, pepper: bytes) -> None:
        super().__init__(pepper, b"muniment webhook secret")


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signing_key(secret: str) -> bytes:
    """The bytes that the secret stands for."""
    return base64.b64decode(secret.removeprefix(PREFIX))
