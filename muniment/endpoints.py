"""Where the services are: their own ports, or one gateway before both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Service = Literal["files", "extraction"]
SERVICES: tuple[Service, ...] = ("files", "extraction")

DEFAULT_FILES_URL = "http://127.0.0.1:8001"
DEFAULT_EXTRACTION_URL = "http://127.0.0.1:8002"
DEFAULT_GATEWAY_PORT, DEFAULT_FILES_PORT = 8000, 8001

GATEWAY_BODY_LIMIT = 16 * 2**20
"""What a gateway takes by default (`gateway_max_body_bytes`); larger uploads go to the file service's own port."""


@dataclass(frozen=True)
class Endpoints:
    """Base URLs without a slash at the end. `uploads` takes bodies of any size."""

    files: str
    extraction: str
    uploads: str

    def base(self, service: Service) -> str:
        return self.files if service == "files" else self.extraction

    def upload_base(self, size: int | None) -> str:
        """Where to send a body of `size` bytes (None: not known before it ends)."""
        fits = size is not None and size <= GATEWAY_BODY_LIMIT
        return self.files if fits else self.uploads


def find_endpoints(
    url: str | None,
    files_url: str | None,
    extraction_url: str | None,
    environment: Mapping[str, str],
) -> Endpoints:
    """Arguments win over the environment; a service's own URL wins over the gateway's `url`.

    With only a gateway known, large uploads go to the port that the file service has beside it on the same host:
    MUNIMENT_FILES_PORT, else the gateway's port plus one, as in the default 8000 and 8001.
    """
    if not (url or files_url or extraction_url):
        url = environment.get("MUNIMENT_URL")
        files_url = environment.get("MUNIMENT_FILES_URL")
        extraction_url = environment.get("MUNIMENT_EXTRACTION_URL")
    files = files_url or (f"{_bare(url)}/files" if url else DEFAULT_FILES_URL)
    extraction = extraction_url or (f"{_bare(url)}/extraction" if url else DEFAULT_EXTRACTION_URL)
    uploads = _beside_gateway(url, environment) if url and not files_url else files
    return Endpoints(_bare(files), _bare(extraction), _bare(uploads))


def _bare(url: str) -> str:
    return url.rstrip("/")


def _beside_gateway(url: str, environment: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    configured = environment.get("MUNIMENT_FILES_PORT")
    port = int(configured) if configured else (parts.port or DEFAULT_GATEWAY_PORT) + 1
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{port}"
