"""Which of the three public ports an instance listens on."""

from collections.abc import Callable
from dataclasses import dataclass

from muniment.local.ports import free_port, is_free
from storage.settings import Settings

PORT_SETTINGS = {"gateway": "gateway_port", "files": "files_port", "extraction": "extraction_port"}


class PortTaken(RuntimeError):
    """A port that was asked for by name is in use."""

    def __init__(self, variable: str, port: int) -> None:
        super().__init__(variable, port)
        self.variable, self.port = variable, port

    def __str__(self) -> str:
        return f"Port {self.port} is in use, and {self.variable} asks for it; free it or choose another."


@dataclass(frozen=True)
class Addresses:
    host: str
    ports: dict[str, int]

    def url(self, service: str) -> str:
        """Where a client on this machine reaches it, also when it listens on every address."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.ports[service]}"

    def urls(self) -> dict[str, str]:
        return {service: self.url(service) for service in self.ports}


def choose_addresses(settings: Settings, tell: Callable[[str], None]) -> Addresses:
    """The configured ports; a default port that somebody else uses is replaced by a free one, which is told."""
    ports: dict[str, int] = {}
    for service, setting in PORT_SETTINGS.items():
        port: int = getattr(settings, setting)
        if not is_free(port, settings.host):
            if setting in settings.model_fields_set:
                raise PortTaken(f"MUNIMENT_{setting.upper()}", port)
            taken, port = port, free_port(settings.host)
            tell(f"Port {taken} is in use: {service} listens on {port} instead.")
        ports[service] = port
    return Addresses(settings.host, ports)
