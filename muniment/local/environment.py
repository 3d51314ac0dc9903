"""The environment that the processes of an instance run in."""

from collections.abc import Mapping
from pathlib import Path

from muniment.local.addresses import PORT_SETTINGS, Addresses
from muniment.local.home import MARKER, Home
from storage.settings import Settings

SOURCE_ROOT = Path(__file__).resolve().parents[2]


def child_environment(inherited: Mapping[str, str], home: Home) -> dict[str, str]:
    """What every child gets: the marker of its home, and where the code is.

    The address of another Ray cluster must not reach it: it would join that one.
    """
    search_path = [str(SOURCE_ROOT), *filter(None, [inherited.get("PYTHONPATH")])]
    return {
        **{name: value for name, value in inherited.items() if name not in {"RAY_ADDRESS", "RAY_NAMESPACE"}},
        MARKER: str(home.folder),
        "MUNIMENT_HOME": str(home.folder),
        "PYTHONPATH": ":".join(search_path),
    }


def service_environment(settings: Settings, addresses: Addresses, database_url: str, redis_url: str) -> dict[str, str]:
    """The settings as this run resolved them; services never have to guess or to look for free ports."""
    ports = {f"MUNIMENT_{PORT_SETTINGS[service].upper()}": str(port) for service, port in addresses.ports.items()}
    return {
        "MUNIMENT_DATABASE_URL": database_url,
        "MUNIMENT_REDIS_URL": redis_url,
        "MUNIMENT_STORAGE_BASE_PATH": str(settings.base_path),
        "MUNIMENT_HOST": addresses.host,
        **ports,
    }
