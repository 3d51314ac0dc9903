"""Resumable uploads of the Muniment in memory."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.unit.client.refused import Refused


@dataclass
class FakeUpload:
    length: int
    described: dict[str, str]
    content: bytearray = field(default_factory=bytearray)
    file_id: str | None = None


class FakeUploads:
    def __init__(self, new_file: Callable[..., dict[str, Any]]) -> None:
        self._new_file = new_file
        self._uploads: dict[str, FakeUpload] = {}
        self.breaks_after: list[int] = []
        """For each of the next pieces: so many bytes of it arrive, and then the connection breaks."""

    @property
    def unfinished(self) -> int:
        return sum(upload.file_id is None for upload in self._uploads.values())

    def begin(self, tenant: Any, headers: Mapping[str, str]) -> str:
        _check_version(headers)
        length, limit = int(headers["Upload-Length"]), tenant.record["configuration"].get("max_file_size_bytes")
        if limit is not None and length > limit:
            raise Refused(413, "file-too-large")
        pairs = [pair.split(" ") for pair in headers["Upload-Metadata"].split(",")]
        described = {key: base64.b64decode(value, validate=True).decode() for key, value in pairs}
        upload_id = f"up_{len(self._uploads)}"
        self._uploads[upload_id] = FakeUpload(length, described)
        return upload_id

    def state(self, upload_id: str) -> dict[str, str]:
        upload = self._found(upload_id)
        done = {"X-File-Id": upload.file_id} if upload.file_id else {}
        return {"Upload-Offset": str(len(upload.content)), "Upload-Length": str(upload.length)} | done

    def add(self, tenant: Any, upload_id: str, headers: Mapping[str, str], piece: bytes) -> bool:
        """False when the connection broke in the middle."""
        _check_version(headers)
        assert headers["Content-Type"] == "application/offset+octet-stream"
        upload = self._found(upload_id)
        if int(headers["Upload-Offset"]) != len(upload.content):
            raise Refused(409, "upload-offset-mismatch")
        breaks = bool(self.breaks_after)
        upload.content += piece[: self.breaks_after.pop(0)] if breaks else piece
        if len(upload.content) == upload.length:
            self._finish(tenant, upload_id, upload)
        return not breaks

    def _finish(self, tenant: Any, upload_id: str, upload: FakeUpload) -> None:
        fields = {name: json.loads(upload.described[name]) for name in ("tags", "metadata") if name in upload.described}
        content = bytes(upload.content)
        if tenant.record["configuration"].get("duplicate_policy") == "reject" and tenant.files:
            self.end(upload_id)
            raise Refused(409, "duplicate-file")
        name, media_type = upload.described["filename"], upload.described["filetype"]
        upload.file_id = self._new_file(tenant, name, media_type, content, fields)["id"]

    def end(self, upload_id: str) -> None:
        self._found(upload_id)
        del self._uploads[upload_id]

    def _found(self, upload_id: str) -> FakeUpload:
        if upload_id not in self._uploads:
            raise Refused(404, "not-found", "There is no such upload.")
        return self._uploads[upload_id]


def _check_version(headers: Mapping[str, str]) -> None:
    assert headers["Tus-Resumable"] == "1.0.0"
