"""Functions put in the place of others, and whether a call comes from within a given one."""

import functools
import importlib
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

Function = Callable[..., Any]

inside: ContextVar[bool] = ContextVar("inside the function that is looked into", default=False)


def replace(target: str, make: Callable[[Function], Function]) -> Callable[[], None]:
    """Put what `make` makes of a function in its place; what is answered puts it back.

    `target` is `module:attribute`. Raises `KeyError` or `AttributeError` where nothing of that name is.
    """
    module, _, path = target.partition(":")
    *above, name = path.split(".")
    owner = functools.reduce(getattr, above, importlib.import_module(module))
    found = vars(owner)[name]
    made = staticmethod(make(found.__func__)) if isinstance(found, staticmethod) else make(found)
    setattr(owner, name, made)
    return lambda: setattr(owner, name, found)


def noting(counts: Callable[[tuple[Any, ...]], bool]) -> Callable[[Function], Function]:
    """Makes functions in whose calls, where `counts` says so of the arguments, `inside` is true."""

    def make(original: Function) -> Function:
        @functools.wraps(original)
        def wrapped(*args: Any, **options: Any) -> Any:
            if not counts(args):
                return original(*args, **options)
            if inspect.iscoroutinefunction(original):
                return _noted(original(*args, **options))
            before = inside.set(True)
            try:
                return original(*args, **options)
            finally:
                inside.reset(before)

        return wrapped

    return make


async def _noted(answer: Awaitable[Any]) -> Any:
    before = inside.set(True)
    try:
        return await answer
    finally:
        inside.reset(before)
