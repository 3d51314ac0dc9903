"""An upload from its first header to its row: every step can fail, and then nothing stays."""

import asyncio
import base64
import binascii
import hashlib
import re

from fastapi import Request

from actors.tenant_changes import IdempotentRequest
from serve_apps.files.committing import give_up, keep_and_commit, reserve_file
from serve_apps.files.upload_body import UploadBody
from serve_apps.idempotent_requests import request_fingerprint, same_request
from serve_apps.request_errors import BadRequest
from serve_apps.services import Services
from storage.errors import DigestMismatch, NotFound
from storage.idempotency import StoredAnswer
from storage.identifiers import new_id
from storage.records import FileRecord, TenantRecord
from storage.upload_checks.file_names import display_name
from storage.upload_checks.verdict import check_headers
from storage.upload_errors import FileTooLarge

SHA256_DIGEST = re.compile(r"sha-256\s*=\s*:([^:]*):")
SHA256_BYTES = 32


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


async def replayed(body: UploadBody, stored: StoredAnswer, limit: int) -> FileRecord:
    """The record that the first upload got. Reads the body, to know that it is the same: see `same_request`."""
    digest = hashlib.sha256()
    size = 0
    async for chunk in body.chunks():
        size += len(chunk)
        if size > limit:
            raise FileTooLarge(None, limit)
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
        self._id = new_id("fs")
        self._path = ""

    async def store(self, expected_sha256: str | None) -> FileRecord:
        """The file's record when it is durable and visible. Raises why it is not kept, and then nothing is."""
        name = display_name(self._body.file_name)
        check_headers(self._rules, name, self._body.declared_media_type, self._body.least_size)
        self._path = await reserve_file(self._services, self._tenant, self._id, self._body, self._body.least_size)
        try:
            return await self._receive_and_commit(expected_sha256)
        except BaseException as error:
            # Also when the client went away: the reservation must not outlive the request.
            row_is_gone = isinstance(error, NotFound)
            await asyncio.shield(give_up(self._services, self._tenant, self._id, self._path, row_is_gone=row_is_gone))
            raise

    async def _receive_and_commit(self, expected_sha256: str | None) -> FileRecord:
        limit = self._rules.max_file_size_bytes
        chunks = self._body.chunks()
        received = await self._services.disk.receive(self._tenant.code, self._id, chunks, limit)
        if expected_sha256 not in {None, received.sha256}:
            raise DigestMismatch
        request = IdempotentRequest(self._key, fingerprint(self._body, received.sha256)) if self._key else None
        return await keep_and_commit(self._services, self._tenant, self._id, self._path, self._body, received, request)
