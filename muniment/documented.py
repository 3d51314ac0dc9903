"""The asynchronous classes have the methods of the blocking ones, and their words."""

from collections.abc import Callable
from typing import TypeVar

C = TypeVar("C")


def documented_by(blocking: type) -> Callable[[type[C]], type[C]]:
    """Gives a class's public methods the docstrings of their namesakes in `blocking`, where they have none."""

    def document(asynchronous: type[C]) -> type[C]:
        for name, method in vars(asynchronous).items():
            twin = getattr(blocking, name, None)
            if not name.startswith("_") and method.__doc__ is None and twin is not None:
                method.__doc__ = twin.__doc__
        return asynchronous

    return document
