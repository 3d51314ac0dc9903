"""The document as clients see it: what was stored of the bytes, and which file of the tenant they are."""

from typing import Any

from actors.extractors.kinds import ENGINE_NAME

Json = dict[str, Any]


def composed(document: Json, *, file: Json, engine_version: str, options_hash: str) -> Json:
    """`muniment.document/1`, whole. `file` has `file_id`, `sha256`, `file_name`, `media_type` and `size`."""
    properties = document["document"]
    return {
        "schema": document["schema"],
        "document": file | properties,
        "status": document["status"],
        "engine": {"name": ENGINE_NAME, "version": engine_version, "options_hash": options_hash},
    } | {name: document[name] for name in _PARTS}


_PARTS = (
    "warnings",
    "content",
    "pages",
    "blocks",
    "tables",
    "form_fields",
    "key_values",
    "images",
    "timings",
)
