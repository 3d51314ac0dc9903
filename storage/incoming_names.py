"""The names of bytes that are on their way: what they say to whoever finds them after a crash.

A large file comes under its id; its row, which is there before, says the rest. A small one has no row until it is
stored: its name says where it belongs. See docs/write-protocol.md.
"""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

_LARGE = re.compile(r"(?P<id>fs_[0-9a-z]+)(?:\.copy)?")
_SMALL = re.compile(r"(?P<id>fs_[0-9a-z]+)\.(?P<month>\d{4}-\d{2})(?P<extension>(?:\.[0-9a-z]+)?)")


@dataclass(frozen=True, slots=True)
class Incoming:
    path: Path
    tenant_code: str
    file_id: str
    place: str
    """Of a small file, relative to the base; empty for a large one."""


def small_name(relative: str) -> tuple[str, str]:
    """The tenant's code, and the incoming name of a small file that belongs at `relative`."""
    tenant_code, month, file_name = relative.split("/")
    file_id, dot, extension = file_name.partition(".")
    return tenant_code, f"{file_id}.{month}{dot}{extension}"


def find_old(folder: Path, until: float) -> list[Incoming]:
    """What lies below the folder of all incoming bytes and was not written since. Blocks."""
    found = []
    for tenant in _entries(folder):
        for entry in _entries(tenant.path):
            # Whoever finishes meanwhile removes a name that was listed.
            with contextlib.suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime <= until:
                    found += _read(tenant.name, entry)
    return found


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as listing:
        return list(listing)
    return []


def _read(tenant_code: str, entry: os.DirEntry[str]) -> list[Incoming]:
    path = Path(entry.path)
    if name := _SMALL.fullmatch(entry.name):
        place = f"{tenant_code}/{name['month']}/{name['id']}{name['extension']}"
        return [Incoming(path, tenant_code, name["id"], place)]
    if name := _LARGE.fullmatch(entry.name):
        return [Incoming(path, tenant_code, name["id"], "")]
    return []
