"""Makes this process kill itself at a point of its code, with SIGKILL: nothing is cleaned up, nobody is told."""

import functools
import importlib
import inspect
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from tests.crash.points import Point

Function = Callable[..., Any]

_inside: ContextVar[bool] = ContextVar("inside the function that the point is within", default=False)


class KillPoint:
    """Counts passes of the point, in whatever thread, and kills the process at the one chosen."""

    def __init__(self, point: Point, at_pass: int) -> None:
        self._point = point
        self._passes_left = at_pass
        self._turn = threading.Lock()

    def arm(self) -> None:
        """Raises `AttributeError` where the table names what is not there."""
        if self._point.within:
            _replace(self._point.within, self._noting)
        _replace(self._point.target, self._killing)

    def _killing(self, original: Function) -> Function:
        @functools.wraps(original)
        def wrapped(*args: Any, **options: Any) -> Any:
            counts = self._counts(args)
            if counts and self._point.when == "before":
                self._passed()
            answer = original(*args, **options)
            if not counts or self._point.when == "before":
                return answer
            if inspect.isawaitable(answer):
                return self._after(answer)
            self._passed()
            return answer

        return wrapped

    async def _after(self, answer: Awaitable[Any]) -> Any:
        found = await answer
        self._passed()
        return found

    def _counts(self, args: tuple[Any, ...]) -> bool:
        if self._point.within:
            return _inside.get()
        return not self._point.of or _has_change(args, self._point.of)

    def _noting(self, original: Function) -> Function:
        @functools.wraps(original)
        def wrapped(*args: Any, **options: Any) -> Any:
            if self._point.of and not _has_change(args, self._point.of):
                return original(*args, **options)
            if inspect.iscoroutinefunction(original):
                return self._noted(original(*args, **options))
            before = _inside.set(True)
            try:
                return original(*args, **options)
            finally:
                _inside.reset(before)

        return wrapped

    @staticmethod
    async def _noted(answer: Awaitable[Any]) -> Any:
        before = _inside.set(True)
        try:
            return await answer
        finally:
            _inside.reset(before)

    def _passed(self) -> None:
        with self._turn:
            self._passes_left -= 1
            if not self._passes_left:
                os.kill(os.getpid(), signal.SIGKILL)


def _has_change(args: tuple[Any, ...], name: str) -> bool:
    """Of a call of `TenantActor._commit`."""
    return any(type(change).__name__ == name for change in args[1])


def _replace(target: str, make: Callable[[Function], Function]) -> None:
    """Put what `make` makes of a function in its place."""
    module, _, path = target.partition(":")
    *above, name = path.split(".")
    owner = functools.reduce(getattr, above, importlib.import_module(module))
    found = vars(owner)[name]
    if isinstance(found, staticmethod):
        setattr(owner, name, staticmethod(make(found.__func__)))
    else:
        setattr(owner, name, make(found))
