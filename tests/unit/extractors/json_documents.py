"""Documents as the routes see them: read back from the JSON that is stored."""

from typing import Any

import orjson

from actors.extractors.document import Document
from actors.extractors.document_json import document_json


def as_json(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(document_json(document, "1"))
    return found
