"""The document as JSON, with the names of `muniment.document/1`; optional fields are left out when they are unset."""

from dataclasses import asdict, fields
from typing import Any

import orjson

from actors.extractors.document import SCHEMA, Document, Line, Page, Word

Json = dict[str, Any]


def document_json(document: Document, engine_version: str) -> bytes:
    """UTF-8 JSON of everything an extractor knows; which file it was is added by the service."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "document": asdict(document.properties),
            "status": document.status,
            "engine": {"name": "muniment", "version": engine_version},
            "warnings": [_present(warning) for warning in document.warnings],
            "content": document.content,
            "pages": [_page(page) for page in document.pages],
            "blocks": [_present(block) for block in document.blocks],
            # The cells as they are: orjson writes data classes itself, and a sheet may have a million.
            "tables": [_present(table) for table in document.tables],
            "form_fields": [_present(form_field, keep="value") for form_field in document.form_fields],
            "key_values": [_present(pair) for pair in document.key_values],
            "images": [_present(image) for image in document.images],
            "timings": document.timings,
        }
    )


def _present(piece: Any, keep: str = "") -> Json:
    """The fields of a flat data class that have a value, and the one to keep even without."""
    values = ((item.name, getattr(piece, item.name)) for item in fields(piece))
    return {name: value for name, value in values if value is not None or name == keep}


def _page(page: Page) -> Json:
    return _present(page) | {"lines": [_line(line) for line in page.lines]}


def _line(line: Line) -> Json:
    written: Json = {"text": line.text, "bbox": line.bbox, "span": line.span, "confidence": line.confidence}
    if line.words:
        written["words"] = [_word(word) for word in line.words]
    return written


def _word(word: Word) -> Json:
    return {"text": word.text, "bbox": word.bbox, "span": word.span, "confidence": word.confidence}
