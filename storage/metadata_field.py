"""The fields of a file or tenant that belong to its owner: `metadata` and `tags`."""

from typing import Any

from storage.errors import InvalidFields
from storage.merge_patch import MetadataError, check_metadata

MAX_TAGS = 100
MAX_TAG_LENGTH = 200


def refuse_bad_metadata(value: Any) -> None:
    """Raises `InvalidFields` with pointers below `/metadata`."""
    try:
        check_metadata(value)
    except MetadataError as error:
        raise InvalidFields.one(f"/metadata{error.pointer}", error.detail) from None


def refuse_bad_tags(value: Any) -> None:
    """Raises `InvalidFields` unless `value` is a list of at most 100 short texts."""
    if not isinstance(value, list) or len(value) > MAX_TAGS:
        raise InvalidFields.one("/tags", f"Tags are a list of at most {MAX_TAGS} texts.")
    for index, tag in enumerate(value):
        if not isinstance(tag, str) or not 0 < len(tag) <= MAX_TAG_LENGTH or not tag.isprintable():
            raise InvalidFields.one(f"/tags/{index}", f"A tag is a printable text of 1 to {MAX_TAG_LENGTH} characters.")
