"""Large files as resumable uploads (tus 1.0.0): when a connection breaks, what arrived is not sent again."""

import base64
import json
from dataclasses import dataclass

import httpx

from muniment.calls import Call, Flow, Pause, reads_nothing, send
from muniment.connection import Connection
from muniment.decoding import UnexpectedAnswer
from muniment.endpoints import GATEWAY_BODY_LIMIT
from muniment.errors import ConnectionFailed, Problem, SourceChanged
from muniment.request_parts import segment, tenant_path
from muniment.retries import RetryPolicy
from muniment.upload_source import NewFile, piece_body

LARGE_BYTES = GATEWAY_BODY_LIMIT
"""Larger files are sent in pieces."""
PIECE_BYTES = 8 * 2**20
"""What a gateway is sent at a time; a service's own port is sent all that is left."""
MAX_DESCRIPTION = 8 * 1024
"""Tags and metadata travel in a header, and a gateway takes 16 KiB of headers."""
TUS = {"Tus-Resumable": "1.0.0"}
PASSING_STATUSES = {408, 423, 429, 502, 503, 504}
PASSING_CODES = {"upload-offset-mismatch", "upload-taken-over"}
"""After these the upload is still there, and where it goes on must be asked for."""


@dataclass(frozen=True)
class UploadState:
    """Where the upload goes on, and the file's id once it is there."""

    offset: int
    file_id: str | None

    @classmethod
    def read(cls, response: httpx.Response) -> "UploadState":
        offset = response.headers.get("Upload-Offset", "")
        if not offset.isdecimal():
            raise UnexpectedAnswer("it does not say where the upload goes on")
        return cls(int(offset), response.headers.get("X-File-Id"))


def suits(new: NewFile) -> bool:
    """Whether a file is sent in pieces: it is large, and can be read again from where the upload broke off."""
    large = new.source.size is not None and new.source.size > LARGE_BYTES
    return large and new.source.rereadable and len(_description(new)) <= MAX_DESCRIPTION


def upload(connection: Connection, tenant: str, new: NewFile) -> Flow[str]:
    """The file's id. Tries are counted anew whenever something arrived."""
    path = yield from send(_begin(tenant, new))
    state, attempt, lost = UploadState(0, None), 1, False
    while state.file_id is None:
        try:
            reached = yield from send(_ask(path) if lost else _piece(connection, path, new, state.offset))
        except SourceChanged:
            yield from send(Call("files", "DELETE", path, reads_nothing, headers=TUS))
            raise
        except (ConnectionFailed, Problem) as error:
            yield Pause(_pause(error, attempt, connection.retries))
            lost, attempt = True, attempt + 1
        else:
            attempt = 1 if reached.offset > state.offset else attempt
            state, lost = reached, False
    return state.file_id


def _pause(error: ConnectionFailed | Problem, attempt: int, policy: RetryPolicy) -> float:
    """Seconds until the next try; raises the error when there is none."""
    wait = error.retry_after if isinstance(error, Problem) else None
    refused = isinstance(error, Problem) and error.status not in PASSING_STATUSES and error.code not in PASSING_CODES
    if refused or attempt >= policy.attempts or (wait or 0) > policy.longest_wait:
        raise error
    return policy.pause(attempt, wait)


def _begin(tenant: str, new: NewFile) -> Call[str]:
    """The upload's path. Repeatable: of one whose answer was lost nothing stays when it expires."""
    uploads = f"{tenant_path(tenant)}/uploads"

    def read(response: httpx.Response) -> str:
        # Only the id: the path may be that of another way to the service.
        upload_id = response.headers.get("Location", "").rpartition("/")[2]
        return f"{uploads}/{segment(upload_id)}"

    headers = TUS | {"Upload-Length": str(new.source.size), "Upload-Metadata": _description(new)}
    return Call("files", "POST", uploads, read, headers=headers)


def _description(new: NewFile) -> str:
    values = {"filename": new.name, "filetype": new.media_type}
    values |= {name: json.dumps(value) for name, value in new.fields.items()}
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())


def _ask(path: str) -> Call[UploadState]:
    return Call("files", "HEAD", path, UploadState.read, headers=TUS)


def _piece(connection: Connection, path: str, new: NewFile, offset: int) -> Call[UploadState]:
    """Not repeatable: what of it arrived must be asked for first."""
    left = (new.source.size or 0) - offset
    size = min(left, PIECE_BYTES) if connection.endpoints.uploads is None else left
    headers = TUS | {"Upload-Offset": str(offset)}
    body = piece_body(new, offset, size)
    return Call("files", "PATCH", path, UploadState.read, headers=headers, body=body, repeatable=False)
