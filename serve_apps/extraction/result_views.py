"""A stored document in the form and the part that somebody asks for."""

import asyncio
from dataclasses import dataclass
from typing import Any, Literal, Self

import orjson

from actors.extractors.document import ExtractionFailed
from actors.views.chunks import chunks
from actors.views.composed_document import composed
from actors.views.docling import docling
from actors.views.html import html
from actors.views.markdown import markdown
from actors.views.selected_document import with_pages, without_words
from actors.views.unstructured import unstructured
from storage.errors import InvalidFields
from storage.extraction_results import StoredResult
from storage.stored_documents import unpacked

Format = Literal["json", "text", "markdown", "html", "docling", "unstructured"]

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "markdown": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "docling": "application/json",
    "unstructured": "application/json",
}


@dataclass(frozen=True, slots=True)
class View:
    format: Format = "json"
    pages: str = ""
    """A selection such as `1-3,7`; empty for all."""
    words: bool = False
    """With the places of single words; only our own JSON has them."""
    chunk_characters: int = 0
    """With pieces of at most so many code points for retrieval; only our own JSON has them. 0 for none."""

    @classmethod
    def expanded(cls, expand: str, chunk_characters: int, form: Format = "json", pages: str = "") -> Self:
        """`expand` names `words`, `chunks` or both."""
        return cls(form, pages, "words" in expand, chunk_characters if "chunks" in expand else 0)


async def render(document: bytes, stored: StoredResult, view: View) -> bytes:
    """What is answered, in UTF-8, of a packed document. Raises `InvalidFields` for a page selection that is none.

    In a thread: a document of megabytes takes a tenth of a second.
    """
    return await asyncio.to_thread(_render, document, stored, view)


def _render(document: bytes, stored: StoredResult, view: View) -> bytes:
    fields: dict[str, Any] = orjson.loads(unpacked(document))
    if view.pages:
        try:
            fields = with_pages(fields, view.pages)
        except (ValueError, ExtractionFailed) as error:
            raise InvalidFields.one("pages", str(error)) from None
    match view.format:
        case "text":
            return str(fields["content"]).encode()
        case "markdown":
            return markdown(fields).encode()
        case "html":
            return html(_whole(fields, stored)).encode()
        case "docling":
            return orjson.dumps(docling(_whole(fields, stored)))
        case "unstructured":
            return orjson.dumps(unstructured(_whole(fields, stored)))
        case _:
            whole = _whole(fields if view.words else without_words(fields), stored)
            return orjson.dumps(whole | ({"chunks": chunks(whole, size)} if (size := view.chunk_characters) else {}))


def _whole(fields: dict[str, Any], stored: StoredResult) -> dict[str, Any]:
    file = stored.file
    described = {
        "file_id": file.id,
        "sha256": file.sha256,
        "file_name": file.file_name,
        "media_type": file.media_type,
        "size": file.file_size_bytes,
    }
    return composed(fields, file=described, engine_version=stored.engine_version, options_hash=stored.options_hash)
