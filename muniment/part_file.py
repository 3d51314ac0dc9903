"""A file that appears complete or not at all."""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Self


class PartFile:
    """Written beside `path`, and in its place after `keep()`; without that, nothing stays.

    with PartFile(path) as part:
        part.write(chunk)
        part.keep()
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # In the same folder, so that the rename is atomic; the name is cut to stay below the usual 255 bytes.
        self._part = path.with_name(f".{path.name[:50]}.{secrets.token_hex(4)}.part")

    def __enter__(self) -> Self:
        self._out = self._part.open("xb")
        return self

    def write(self, chunk: bytes) -> None:
        self._out.write(chunk)

    def keep(self) -> None:
        self._out.close()
        self._part.replace(self._path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()
        self._part.unlink(missing_ok=True)
