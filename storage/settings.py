"""Settings of the services, from `MUNIMENT_…` environment variables."""

import secrets
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.key_files import read_or_create_secret
from storage.network_addresses import AddressRules

EVENT_SCHEMES = ("redis", "rediss", "amqp", "amqps", "kafka", "kafka+ssl")


class Settings(BaseSettings):
    """Everything an operator can set. Sizes are bytes, times are seconds."""

    model_config = SettingsConfigDict(
        env_prefix="MUNIMENT_",
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        # URLs hold passwords.
        hide_input_in_errors=True,
    )

    home: Path = Path(".muniment")
    """Folder of everything that runs on this machine: database, cache, files, logs, keys."""
    database_url: str = ""
    """`postgresql://user:password@host/name` of your own server instead of the embedded one."""
    redis_url: str = ""
    """`redis://host:port/number` of your own server instead of the embedded one."""
    events_url: str = ""
    """`redis://…`, `amqp://…` or `kafka://…` where events are told; the Redis of the cache when unset."""
    events_stream: str = "muniment.events"
    """Name of the stream (Redis), exchange (RabbitMQ) or topic (Kafka) of the events."""
    events_stream_max_length: int = Field(default=100_000, ge=1)
    """Events that a Redis stream keeps, about; older ones go, read or not."""
    webhook_trusted_networks: str = ""
    """Networks such as `10.0.0.0/8,fd00::/8` that webhooks may reach, also without TLS; else public addresses only."""
    storage_base_path: Path | None = None
    """Where tenants' bytes lie; `files` in the home when unset."""
    operator_key: SecretStr | None = None
    """The operator's key; made once and kept in the home when unset."""
    key_pepper: SecretStr | None = None
    """Key of the hash under which API keys are stored, made once when unset; losing it makes every API key useless."""
    host: str = "127.0.0.1"
    """Address that the services listen on."""
    gateway_port: int = 8000
    """Port of the gateway."""
    files_port: int = 8001
    """Port of the file service."""
    extraction_port: int = 8002
    """Port of the extraction service."""
    log_level: str = "INFO"
    """`DEBUG`, `INFO`, `WARNING` or `ERROR`."""
    release: str = "dev"
    """Part of every tenant host's name, so that a roll-out never talks to old code."""

    gateway_max_body_bytes: int = 16 * 2**20
    """Larger bodies are refused by the gateway, which names the service's own port."""
    max_concurrent_requests: int = Field(default=1000, ge=1)
    """Requests that a replica, or the gateway on one node, answers at once; others are told to come back."""
    database_pool_size: int = 10
    """Connections of one replica or tenant host that stay open; as many again for peaks."""
    cache_ttl_seconds: float = 30.0
    """How long a cached tenant or file may be read after an invalidation that could not be delivered."""
    result_cache_ttl_seconds: float = 3600.0
    """How long an extraction's result stays in the cache."""
    result_cache_max_bytes: int = 4 * 2**20
    """Larger results are read from PostgreSQL every time."""

    tenant_hosts: int = Field(default=2, ge=1)
    """Processes that hold the tenants' actors."""
    tenant_idle_seconds: float = 300.0
    """A tenant actor without calls for so long is passivated."""
    drain_seconds: float = 30.0
    """How long a replica that stops lets requests finish."""
    upload_grace_seconds: float = 3600.0
    """An upload that has not grown for so long is swept."""
    resumable_upload_seconds: float = 86_400.0
    """A resumable upload that is not continued for so long is removed; a finished one is forgotten, its file stays."""

    parser_max_replicas: int = 2
    """Size to which the pool of parsers grows."""
    ocr_max_replicas: int = 2
    """Size to which the pool of OCR engines grows."""
    ocr_model_dir: Path | None = None
    """A folder of PaddleOCR model directories to use instead of the bundled weights."""
    ocr_page_timeout_seconds: float = Field(default=60.0, gt=0)
    """An OCR engine that reads a page for so long is killed; the page is tried on three."""
    ocr_recycle_pages: int = Field(default=1000, ge=1)
    """An OCR engine is replaced after so many pages."""
    ocr_recycle_growth_bytes: int = Field(default=2 * 2**30, ge=1)
    """An OCR engine is replaced when it holds so much more memory than when it was new."""
    pool_idle_seconds: float = Field(default=120.0, ge=0)
    """How long the pools keep workers that they do not need."""
    extraction_timeout_seconds: float = 600.0
    """Upper bound of a job's `timeout_seconds`."""
    extraction_page_timeout_seconds: float = 60.0
    """A parse that finishes no page for so long is killed."""
    extraction_memory_bytes: int = 2 * 2**30
    """Address space of a parsing child above what it starts with."""
    extraction_max_pages: int = 5000
    """Files with more pages fail as `too-many-pages`."""
    extraction_max_queued: int = 20_000
    """Queued jobs of one tenant; more are answered 429."""

    @field_validator("events_url")
    @classmethod
    def _names_a_broker(cls, url: str) -> str:
        scheme, separator, _ = url.partition("://")
        if url and not (separator and scheme in EVENT_SCHEMES):
            raise ValueError(f"the events' URL must begin with one of {', '.join(EVENT_SCHEMES)}, and ://")
        return url

    @field_validator("webhook_trusted_networks")
    @classmethod
    def _are_networks(cls, networks: str) -> str:
        AddressRules.of(networks)
        return networks

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value != ""}

    @property
    def base_path(self) -> Path:
        return (self.storage_base_path or self.home / "files").absolute()

    @property
    def webhook_addresses(self) -> AddressRules:
        return AddressRules.of(self.webhook_trusted_networks)

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
