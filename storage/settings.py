"""Settings of the services, from `MUNIMENT_…` environment variables."""

import secrets
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.key_files import read_or_create_secret


class Settings(BaseSettings):
    """Everything an operator can set. Sizes are bytes, times are seconds."""

    model_config = SettingsConfigDict(env_prefix="MUNIMENT_", extra="ignore", frozen=True)

    home: Path = Path(".muniment")
    """Folder of everything embedded: database, cache, files, logs, keys."""
    database_url: str = ""
    """`postgresql://user:password@host:port/name`; empty: the embedded server's, set by `muniment up`."""
    redis_url: str = ""
    """`redis://…`; empty: the embedded server's, set by `muniment up`."""
    storage_base_path: Path | None = None
    """Where tenants' bytes lie; defaults to `<home>/files`."""
    operator_key: SecretStr | None = None
    key_pepper: SecretStr | None = None
    """Key of the hash that API keys are stored as; losing it makes every stored key useless."""
    host: str = "127.0.0.1"
    gateway_port: int = 8000
    files_port: int = 8001
    extraction_port: int = 8002
    log_level: str = "INFO"

    gateway_max_body_bytes: int = 16 * 2**20
    default_max_file_size_bytes: int = 5 * 2**30
    """Largest file of a tenant whose configuration names no limit."""
    database_pool_size: int = 10
    cache_ttl_seconds: float = 30.0
    """How long a cached tenant, key or file may be read after an invalidation that could not be delivered."""
    result_cache_ttl_seconds: float = 3600.0
    result_cache_max_bytes: int = 4 * 2**20
    """Larger documents are read from PostgreSQL every time."""

    tenant_hosts: int = Field(default=2, ge=1)
    tenant_idle_seconds: float = 300.0
    """A tenant actor without calls for so long is passivated."""
    release: str = "dev"
    """Part of every actor's name, so that a roll-out never talks to old code."""

    drain_seconds: float = 30.0
    upload_grace_seconds: float = 3600.0
    """A pending upload older than this is swept."""

    parser_max_replicas: int = 2
    ocr_max_replicas: int = 2
    ocr_model_dir: Path | None = None
    """A folder of PaddleOCR model directories to use instead of the bundled weights."""
    extraction_timeout_seconds: float = 600.0
    """Upper bound of a job's `timeout_seconds`."""
    extraction_page_timeout_seconds: float = 60.0
    """A parse that makes no progress for so long is killed."""
    extraction_memory_bytes: int = 2 * 2**30
    """Address space of a parsing child above what it starts with."""
    extraction_max_pages: int = 5000
    extraction_max_queued: int = 20_000
    """Queued jobs of one tenant; more are answered 429."""

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value != ""}

    @property
    def base_path(self) -> Path:
        return (self.storage_base_path or self.home / "files").absolute()

    @property
    def keys_folder(self) -> Path:
        return self.home / "keys"

    def resolved_operator_key(self) -> str:
        """The operator's key: configured, or generated once and kept readable by the owner only."""
        if self.operator_key is not None:
            return self.operator_key.get_secret_value()
        return read_or_create_secret(self.keys_folder / "operator-key", lambda: f"mo_{secrets.token_urlsafe(32)}")

    def resolved_key_pepper(self) -> bytes:
        if self.key_pepper is not None:
            return self.key_pepper.get_secret_value().encode()
        return read_or_create_secret(self.keys_folder / "key-pepper", lambda: secrets.token_hex(32)).encode()


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    return Settings()
