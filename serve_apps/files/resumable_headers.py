"""The request headers of tus 1.0.0, read."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Request

from serve_apps.files.upload_body import declared_type, owners_fields
from serve_apps.request_errors import BadRequest
from storage.errors import InvalidFields
from storage.resumable_errors import NotAPiece

if TYPE_CHECKING:
    from hashlib import _Hash

PIECE = "application/offset+octet-stream"
NUMBER = re.compile(r"[0-9]{1,30}")
"""More digits than any size has, and few enough to be read."""
METADATA_KEY = re.compile(r"[!-+\--~]+")
ALGORITHMS: dict[str, Callable[[], "_Hash"]] = {"sha256": hashlib.sha256, "sha1": hashlib.sha1}


def number(request: Request, name: str) -> int | None:
    """A header's value; None without it. Raises `BadRequest`."""
    text = request.headers.get(name)
    if text is None:
        return None
    if not NUMBER.fullmatch(text):
        raise BadRequest(f"{name} is a number of bytes, in digits.")
    return int(text)


def new_length(request: Request) -> int | None:
    """Of a new upload; None where it comes later. Raises `BadRequest` unless exactly one of both is said."""
    length, deferred = number(request, "Upload-Length"), request.headers.get("Upload-Defer-Length")
    if deferred not in {None, "1"} or (length is None) == (deferred is None):
        raise BadRequest("Say either 'Upload-Length: <bytes>' or 'Upload-Defer-Length: 1'.")
    return length


def offset(request: Request) -> int:
    found = number(request, "Upload-Offset")
    if found is None:
        raise BadRequest("Say with Upload-Offset where the bytes belong.")
    return found


def carries_piece(request: Request) -> bool:
    """Whether a new upload's request has bytes of it. Raises `NotAPiece` for other bytes."""
    if request.headers.get("content-type", "").strip().lower() == PIECE:
        return True
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        raise NotAPiece
    return False


@dataclass(frozen=True, slots=True)
class Checksum:
    """`Upload-Checksum`: the digest that the request's bytes have."""

    algorithm: str
    digest: bytes

    def new_hash(self) -> "_Hash":
        return ALGORITHMS[self.algorithm]()


def checksum(request: Request) -> Checksum | None:
    """Raises `BadRequest` for an algorithm that is not supported, and for what is no digest of it."""
    header = request.headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _, text = header.partition(" ")
    if algorithm not in ALGORITHMS:
        raise BadRequest(f"Upload-Checksum names one of {', '.join(ALGORITHMS)}.")
    digest = _decoded(text, "Upload-Checksum")
    if len(digest) != ALGORITHMS[algorithm]().digest_size:
        raise BadRequest(f"Upload-Checksum does not hold a digest of {algorithm} in Base64.")
    return Checksum(algorithm, digest)


@dataclass(frozen=True, slots=True)
class Description:
    """`Upload-Metadata`: what the client says of the file, in the words of other uploads."""

    file_name: str
    declared_media_type: str
    tags: list[str]
    metadata: dict[str, Any]

    @classmethod
    def parse(cls, header: str) -> "Description":
        """From `filename`, `filetype`, `tags` and `metadata` (JSON); other keys are the client's own."""
        values = _metadata(header)
        if "filename" not in values:
            raise InvalidFields.one("Upload-Metadata", "Name the file: Upload-Metadata: filename <its name in Base64>")
        tags, metadata = owners_fields(values)
        return cls(
            _text(values["filename"]),
            declared_type(_text(values.get("filetype", b"")), "Upload-Metadata"),
            tags,
            metadata,
        )


def _metadata(header: str) -> dict[str, bytes]:
    """Keys and values. Raises `BadRequest` for what is not in the form that tus gives it."""
    values: dict[str, bytes] = {}
    for pair in header.split(",") if header else ():
        key, _, value = pair.strip(" ").partition(" ")
        if not METADATA_KEY.fullmatch(key):
            raise BadRequest("Upload-Metadata has a key that is empty, or holds what no key may.")
        if key in values:
            raise BadRequest(f"Upload-Metadata has '{key}' twice.")
        values[key] = _decoded(value, "Upload-Metadata")
    return values


def _decoded(text: str, header: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(f"{header} holds a value that is not Base64.") from None


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadRequest("Upload-Metadata holds a name or type that is not UTF-8.") from None
