"""Makes this process kill itself at a point of its code, with SIGKILL: nothing is cleaned up, nobody is told."""

import functools
import inspect
import os
import signal
import threading
from collections.abc import Awaitable
from typing import Any

from tests.crash.points import Point
from tests.crash.wrapped import Function, inside, noting, replace


class KillPoint:
    """Counts passes of the point, in whatever thread, and kills the process at the one chosen."""

    def __init__(self, point: Point, at_pass: int) -> None:
        self._point = point
        self._passes_left = at_pass
        self._turn = threading.Lock()

    def arm(self) -> None:
        """Raises `KeyError` or `AttributeError` where the table names what is not there."""
        if self._point.within:
            replace(self._point.within, noting(self._has_change))
        replace(self._point.target, self._killing)

    def _killing(self, original: Function) -> Function:
        @functools.wraps(original)
        def wrapped(*args: Any, **options: Any) -> Any:
            counts = inside.get() if self._point.within else self._has_change(args)
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

    def _has_change(self, args: tuple[Any, ...]) -> bool:
        """Where the point is about one kind of change: whether a call of `TenantActor._commit` has one."""
        return not self._point.of or any(type(change).__name__ == self._point.of for change in args[1])

    def _passed(self) -> None:
        with self._turn:
            self._passes_left -= 1
            if not self._passes_left:
                os.kill(os.getpid(), signal.SIGKILL)
