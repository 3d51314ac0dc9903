"""Calls of the operating system that fail, as on a disk that is broken: the ones that concern the volume."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tests.crash.wrapped import Function, replace


@dataclass(frozen=True, slots=True)
class DiskFault:
    """The command to fail with `error` (a number of `errno`) in each call of `target` for what lies on the volume."""

    target: str
    error: int


def break_disk(fault: DiskFault, base: Path) -> Callable[[], None]:
    """What is answered mends it."""

    def make(original: Function) -> Function:
        @functools.wraps(original)
        def wrapped(*args: Any, **options: Any) -> Any:
            if _place(args[0]).is_relative_to(base):
                raise OSError(fault.error, os.strerror(fault.error))
            return original(*args, **options)

        return wrapped

    return replace(fault.target, make)


def _place(file: int | BinaryIO | str | Path) -> Path:
    """Where it lies; of an open file as well."""
    if isinstance(file, str | Path):
        return Path(file)
    return Path(f"/proc/self/fd/{file if isinstance(file, int) else file.fileno()}").readlink()
