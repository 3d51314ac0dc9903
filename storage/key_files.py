"""Secrets that the service makes for itself, one a file, readable by the owner only."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile


def read_or_create_secret(path: Path, create: Callable[[], str]) -> str:
    """What `path` holds; made by `create` the first time. Processes that race get the same secret."""
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # NamedTemporaryFile opens with mode 0600; the link is atomic and fails where another was faster.
    with NamedTemporaryFile("w", dir=path.parent, delete=False) as temporary:
        temporary.write(create() + "\n")
        temporary.flush()
        os.fsync(temporary.fileno())
    try:
        os.link(temporary.name, path)
    except FileExistsError:
        pass
    finally:
        Path(temporary.name).unlink()
    return path.read_text().strip()
