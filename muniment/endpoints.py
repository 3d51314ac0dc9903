"""Where the services are: their own ports, or one gateway before both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Service = Literal["files", "extraction"]
SERVICES: tuple[Service, ...] = ("files", "extraction")

DEFAULT_FILES_URL = "http://127.0.0.1:8001"
DEFAULT_EXTRACTION_URL = "http://127.0.0.1:8002"

GATEWAY_BODY_LIMIT = 16 * 2**20
"""What a gateway takes by default (`gateway_max_body_bytes`); larger uploads go to the file service's own port."""


@dataclass
class Endpoints:
    """Base URLs without a slash at the end.

    `uploads` takes bodies of any size. It is None while only a gateway is known, until the gateway was asked for it.
    """

    files: str
    extraction: str
    gateway: str | None = None
    uploads: str | None = None

    def base(self, service: Service | Literal["gateway"]) -> str:
        return {"files": self.files, "extraction": self.extraction, "gateway": self.gateway or self.files}[service]

    def upload_base(self, size: int | None) -> str | None:
        """Where to send a body of `size` bytes (None: not known before it ends); None when it must be asked for."""
        fits = size is not None and size <= GATEWAY_BODY_LIMIT
        return self.files if fits else self.uploads


def find_endpoints(
    url: str | None,
    files_url: str | None,
    extraction_url: str | None,
    environment: Mapping[str, str],
) -> Endpoints:
    """Arguments win over the environment; a service's own URL wins over the gateway's `url`."""
    if not (url or files_url or extraction_url):
        url = environment.get("MUNIMENT_URL")
        files_url = environment.get("MUNIMENT_FILES_URL")
        extraction_url = environment.get("MUNIMENT_EXTRACTION_URL")
    gateway = url.rstrip("/") if url else None
    files = files_url or (f"{gateway}/files" if gateway else DEFAULT_FILES_URL)
    extraction = extraction_url or (f"{gateway}/extraction" if gateway else DEFAULT_EXTRACTION_URL)
    files, extraction = files.rstrip("/"), extraction.rstrip("/")
    return Endpoints(files, extraction, gateway, None if gateway and not files_url else files)
