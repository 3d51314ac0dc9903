"""`serve_config.yaml` with the addresses of this instance."""

import os
from pathlib import Path
from typing import Any

import yaml

from muniment.local.environment import SOURCE_ROOT


def configuration_path() -> Path:
    """The file in the repository, or another one that `MUNIMENT_SERVE_CONFIG` names: more replicas, larger pools."""
    return Path(os.environ.get("MUNIMENT_SERVE_CONFIG") or SOURCE_ROOT / "serve_config.yaml")


def with_address(config: dict[str, Any], host: str, port: int) -> dict[str, Any]:
    """The same applications, with Serve's own HTTP ingress, the gateway, on `host:port`."""
    return {**config, "http_options": {**config.get("http_options", {}), "host": host, "port": port}}


def read_configuration(path: Path) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    return config
