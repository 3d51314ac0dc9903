"""JSON merge-patch (RFC 7396) and the limits on a client's metadata."""

import json
from collections.abc import Iterator
from typing import Any

MAX_METADATA_BYTES = 16 * 1024
MAX_METADATA_DEPTH = 8


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` with `patch` applied as section 2 of RFC 7396 says; neither is changed.

    Without recursion: a client may nest deeper than Python's stack goes.
    """
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    waiting = [(result, patch)]
    while waiting:
        merged, changes = waiting.pop()
        for name, value in changes.items():
            if value is None:
                merged.pop(name, None)
            elif isinstance(value, dict):
                merged[name] = dict(merged[name]) if isinstance(merged.get(name), dict) else {}
                waiting.append((merged[name], value))
            else:
                merged[name] = value
    return result


class MetadataError(ValueError):
    """`pointer` (RFC 6901) leads to the value that is at fault, from the metadata's own root."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(pointer, detail)
        self.pointer, self.detail = pointer, detail

    def __str__(self) -> str:
        return self.detail


def check_metadata(value: Any) -> None:
    """Raises MetadataError unless `value` is an object of at most 16 KiB as UTF-8 JSON and 8 levels deep.

    The object itself is the first level. What JSONB cannot hold (NUL, lone surrogates, NaN) is refused too.
    """
    if not isinstance(value, dict):
        raise MetadataError("", "Metadata is a JSON object.")
    for pointer, depth, part in _parts(value):
        _check_part(pointer, depth, part)
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_METADATA_BYTES:
        raise MetadataError("", f"Metadata takes {size} bytes of at most {MAX_METADATA_BYTES}.")


def _check_part(pointer: str, depth: int, part: Any) -> None:
    if depth > MAX_METADATA_DEPTH:
        raise MetadataError(pointer, f"Metadata is nested deeper than {MAX_METADATA_DEPTH} levels.")
    if isinstance(part, float) and part - part != 0:  # infinite or NaN
        raise MetadataError(pointer, "This number cannot be stored.")
    texts = part if isinstance(part, dict) else [part]
    if any(isinstance(text, str) and not _storable(text) for text in texts):
        raise MetadataError(pointer, "This text holds a character that cannot be stored.")


def _storable(text: str) -> bool:
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def _parts(root: Any) -> Iterator[tuple[str, int, Any]]:
    """Every value with its pointer and how many containers it opens or stands in, outer ones first.

    Without recursion, and only as deep as the caller goes on.
    """
    waiting: list[tuple[str, int, Any]] = [("", 0, root)]
    while waiting:
        pointer, depth, value = waiting.pop()
        if not isinstance(value, dict | list):
            yield pointer, depth, value
            continue
        yield pointer, depth + 1, value
        items = value.items() if isinstance(value, dict) else enumerate(value)
        waiting.extend((f"{pointer}/{_escaped(str(name))}", depth + 1, item) for name, item in items)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
