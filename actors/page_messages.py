"""What OCR found on a page, as it travels between processes."""

from typing import Any

import orjson

from actors.extractors.document import RecognisedLine, RecognisedPage


def recognised_page(message: dict[str, Any]) -> RecognisedPage:
    return RecognisedPage(
        width=message["width"],
        height=message["height"],
        rotation=message["rotation"],
        lines=tuple(
            RecognisedLine(
                text=line["text"],
                bbox=tuple(line["bbox"]),
                confidence=line["confidence"],
                polygon=tuple((x, y) for x, y in line["polygon"]),
                positions=tuple(line["positions"]),
            )
            for line in message["lines"]
        ),
    )


def recognised_message(number: int, page: RecognisedPage) -> dict[str, Any]:
    """The payload of a RECOGNISED frame; `recognised_page` reads it back."""
    return {"number": number, "page": orjson.Fragment(orjson.dumps(page))}
