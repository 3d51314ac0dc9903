"""An upload from its first header to its row: every step can fail, and then nothing stays."""

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator
from uuid import uuid4

from fastapi import Request

from actors.tenant_changes import IdempotentRequest
from actors.upload_changes import CheckRoom
from serve_apps.files.beginnings import read_beginning
from serve_apps.files.committing import give_up, keep_and_commit, reserve_file
from serve_apps.files.small_uploads import LooksLikeArchive, SmallUpload
from serve_apps.files.upload_body import UploadBody
from serve_apps.idempotent_requests import request_fingerprint, same_request
from serve_apps.request_errors import BadRequest
from serve_apps.services import Services
from storage.errors import DigestMismatch, IdempotencyKeyReused, NotFound
from storage.idempotency import StoredAnswer
from storage.identifiers import new_id
from storage.records import FileRecord, TenantRecord
from storage.small_files import SMALL_BYTES
from storage.upload_checks.file_names import display_name
from storage.upload_checks.verdict import check_headers

SHA256_DIGEST = re.compile(r"sha-256\s*=\s*:([^:]*):")
SHA256_BYTES = 32
ROOM_BYTES = 8 * 2**20
"""Of a body of unknown length so many bytes come, at most, before it is asked again whether they fit."""


def expected_digest(request: Request) -> str | None:
    """The SHA-256 of `Repr-Digest` (RFC 9530) in hexadecimal; None where it names none."""
    match = SHA256_DIGEST.search(request.headers.get("repr-digest", ""))
    if match is None:
        return None
    try:
        digest = base64.b64decode(match.group(1), validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != SHA256_BYTES:
        raise BadRequest("Repr-Digest does not hold a SHA-256 in Base64.")
    return digest.hex()


def fingerprint(body: UploadBody, sha256: str) -> str:
    """What makes two uploads the same; the form they come in does not matter. The body must have been read."""
    return request_fingerprint("upload", body.file_name, body.declared_media_type, body.tags, body.metadata, sha256)


async def replayed(body: UploadBody, stored: StoredAnswer) -> FileRecord:
    """The record that the first upload got. Reads the body, to know that it is the same: see `same_request`.

    Rules that the tenant has got since then do not matter, and no more is read than the first one sent.
    """
    digest = hashlib.sha256()
    left: int = stored.answer["file_size_bytes"]
    async for chunk in body.chunks():
        left -= len(chunk)
        if left < 0:
            raise IdempotencyKeyReused
        await asyncio.to_thread(digest.update, chunk)
    return FileRecord.from_fields(same_request(stored, fingerprint(body, digest.hexdigest())))


def repr_digest(sha256: str) -> str:
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


class Upload:
    """One file on its way into a tenant."""

    def __init__(
        self, services: Services, tenant: TenantRecord, body: UploadBody, idempotency_key: str | None = None
    ) -> None:
        self._services = services
        self._tenant = tenant
        self._body = body
        self._key = idempotency_key
        self._rules = tenant.rules
        self._id = self._path = ""
        self._size_is_known = body.size_is_known

    async def store(self, expected_sha256: str | None) -> FileRecord:
        """The file's record when it is durable and visible. Raises why it is not kept, and then nothing is."""
        body = self._body
        check_headers(self._rules, display_name(body.file_name), body.declared_media_type, body.least_size)
        if not self._services.disk.has_hard_links or body.least_size > SMALL_BYTES:
            return await self._store_large(body.chunks(), body.least_size, expected_sha256)
        beginning = await read_beginning(body.chunks(), SMALL_BYTES, self._rules.max_file_size_bytes)
        if beginning.is_whole:
            try:
                return await self._store_small(beginning.content(), expected_sha256)
            except LooksLikeArchive:
                self._size_is_known = True
        return await self._store_large(beginning.chunks(), max(beginning.size, body.least_size), expected_sha256)

    async def _store_small(self, content: bytes, expected_sha256: str | None) -> FileRecord:
        upload = SmallUpload(self._services, self._tenant, self._body)
        # To its end, also when the client went away: half an upload is more work for everybody.
        return await asyncio.shield(upload.store(content, expected_sha256, self._request))

    async def _store_large(self, chunks: AsyncIterator[bytes], least: int, expected_sha256: str | None) -> FileRecord:
        size = least if self._size_is_known else 0
        self._id = new_id("fs")
        self._path = await reserve_file(self._services, self._tenant, self._id, self._body, size, least)
        if not self._size_is_known and self._rules.max_total_bytes is not None:
            chunks = self._with_room(chunks)
        try:
            return await self._receive_and_commit(chunks, expected_sha256)
        except BaseException as error:
            # Also when the client went away: the reservation must not outlive the request.
            row_is_gone = isinstance(error, NotFound)
            await asyncio.shield(give_up(self._services, self._tenant, self._id, self._path, row_is_gone=row_is_gone))
            raise

    async def _with_room(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks. Raises `QuotaExceeded` soon after there are more than fit.

        They are not reserved: whoever does not say how much will come must not keep others out who do.
        """
        received, asked = 0, SMALL_BYTES
        async for chunk in chunks:
            received += len(chunk)
            if received >= 2 * asked or received >= asked + ROOM_BYTES:
                await self._services.tenants.call(self._tenant, CheckRoom(uuid4(), received))
                asked = received
            yield chunk

    async def _receive_and_commit(self, chunks: AsyncIterator[bytes], expected_sha256: str | None) -> FileRecord:
        limit = self._rules.max_file_size_bytes
        received = await self._services.disk.receive(self._tenant.code, self._id, chunks, limit)
        if expected_sha256 not in {None, received.sha256}:
            raise DigestMismatch
        request = self._request(received.sha256)
        return await keep_and_commit(self._services, self._tenant, self._id, self._path, self._body, received, request)

    def _request(self, sha256: str) -> IdempotentRequest | None:
        return IdempotentRequest(self._key, fingerprint(self._body, sha256)) if self._key else None
