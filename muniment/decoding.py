"""JSON to frozen dataclasses and back, by their type hints.

Unknown fields are ignored, so that an older client reads a newer service; missing ones take the dataclass's default.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


class UnexpectedAnswer(ValueError):
    """The service answered something that is not in its contract."""


def decode(shape: type[T], data: Any) -> T:
    """Read `data`, as `json.loads` gives it, as a `shape`: a dataclass, or a plain type inside of one."""
    return cast("T", _read(shape, data, shape.__name__))


def encode(value: Any) -> Any:
    """The reverse of `decode`: what `json.dumps` takes. A field named in `json_name` metadata keeps that name."""
    if is_dataclass(value) and not isinstance(value, type):
        return {_json_name(field): encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def _json_name(field: Any) -> str:
    return str(field.metadata.get("json_name", field.name))


@lru_cache(maxsize=128)
def _plan(shape: type) -> list[tuple[str, str, Any, bool]]:
    """Of each field: attribute, name in JSON, type, whether it must be there. Resolving hints costs; keep them."""
    hints = get_type_hints(shape)
    return [
        (
            field.name,
            _json_name(field),
            hints[field.name],
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(shape)
    ]


def _read(shape: Any, data: Any, where: str) -> Any:
    if get_origin(shape) is not None:
        return _read_generic(shape, data, where)
    if is_dataclass(shape):
        return _read_dataclass(cast("type", shape), data, where)
    if shape is datetime:
        return _read_time(data, where)
    if shape is float and isinstance(data, int):
        return float(data)
    return data if shape is Any else _expect(shape, data, where)


def _read_generic(shape: Any, data: Any, where: str) -> Any:
    origin = get_origin(shape)
    if origin in {Union, UnionType}:
        return _read_optional(shape, data, where)
    if origin is tuple:
        return _read_tuple(get_args(shape), data, where)
    # Literals are not checked: a newer service may know more words.
    return data if origin is Literal else _expect(dict, data, where)


def _read_dataclass(shape: type, data: Any, where: str) -> Any:
    _expect(dict, data, where)
    values = {}
    for name, json_name, hint, needed in _plan(shape):
        if json_name in data:
            values[name] = _read(hint, data[json_name], f"{where}.{json_name}")
        elif needed:
            raise UnexpectedAnswer(f"{where} has no {json_name}")
    return shape(**values)


def _read_optional(shape: Any, data: Any, where: str) -> Any:
    options = [option for option in get_args(shape) if option is not NoneType]
    if data is None and len(options) < len(get_args(shape)):
        return None
    # A union of several plain types (a form field's value) is passed on as it came.
    return _read(options[0], data, where) if len(options) == 1 else data


def _read_tuple(items: tuple[Any, ...], data: Any, where: str) -> tuple[Any, ...]:
    _expect(list, data, where)
    if len(items) == 2 and items[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
        return tuple(_read(items[0], item, where) for item in data)
    if len(items) != len(data):
        raise UnexpectedAnswer(f"{where} has {len(data)} values, not {len(items)}")
    return tuple(_read(item, value, where) for item, value in zip(items, data, strict=True))


def _read_time(data: Any, where: str) -> datetime:
    try:
        return datetime.fromisoformat(_expect(str, data, where))
    except ValueError as error:
        raise UnexpectedAnswer(f"{where} is not a time: {data!r}") from error


def _expect(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise UnexpectedAnswer(f"{where} is not {kind.__name__}: {data!r:.80}")
    return data
