"""A download that may take several connections: asks on from where it broke, and checks what it has at the end."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import httpx

from muniment.calls import problem_of
from muniment.errors import ConnectionFailed, DownloadDamaged, Problem
from muniment.models import StoredFile
from muniment.retries import RetryPolicy
from muniment.upload_source import Progress

_SHA256 = re.compile(r"[0-9a-f]{64}")
OK, PARTIAL = 200, 206
PASSING_TROUBLE = {429, 502, 503, 504}


class Download:
    """The state of one download; the clients do the reading.

    For each connection: `headers()`, `begin(response)`, `accept(chunk)` for every chunk, `finish()`. When it breaks:
    `pause_after_failure(error)` and again.
    """

    def __init__(self, file: StoredFile | str, policy: RetryPolicy, progress: Progress | None) -> None:
        known = file if isinstance(file, StoredFile) else None
        self._sha256 = known.sha256 if known else None
        self._size = known.file_size_bytes if known else None
        self._policy, self._progress = policy, progress
        self._digest = hashlib.sha256()
        self._received = self._skip = 0
        self._etag: str | None = None
        self._attempt = 1

    def headers(self) -> Mapping[str, str]:
        if not self._received or not self._etag:
            return {}
        return {"Range": f"bytes={self._received}-", "If-Range": self._etag}

    def begin(self, response: httpx.Response) -> None:
        """Raises the Problem of an error answer (read already), or DownloadDamaged when these are other bytes now."""
        if response.status_code not in {OK, PARTIAL}:
            raise problem_of(response)
        etag = response.headers.get("ETag")
        if self._etag is not None and etag != self._etag:
            raise DownloadDamaged("The file's bytes changed while it was being downloaded.")
        self._etag = etag
        self._learn(etag, response)
        # A whole answer to a request for the rest: what is here already passes by once more.
        self._skip = self._received if response.status_code == OK else 0

    def _learn(self, etag: str | None, response: httpx.Response) -> None:
        found = _SHA256.search(etag or "")
        if self._sha256 is None and found:
            self._sha256 = found.group()
        length = response.headers.get("Content-Length")
        if self._size is None and response.status_code == OK and length is not None:
            self._size = int(length)

    def accept(self, chunk: bytes) -> bytes:
        """The new part of what arrived."""
        skipped = min(self._skip, len(chunk))
        self._skip -= skipped
        new = chunk[skipped:]
        self._digest.update(new)
        self._received += len(new)
        self._attempt = 1 if new else self._attempt
        if self._progress is not None and new:
            self._progress(self._received, self._size)
        return new

    def finish(self) -> None:
        if self._size is not None and self._received != self._size:
            raise DownloadDamaged(f"{self._received} bytes arrived of {self._size}.")
        if self._sha256 is not None and self._digest.hexdigest() != self._sha256:
            raise DownloadDamaged("The SHA-256 of what arrived is not that of the file.")

    def pause_after_failure(self, url: str, error: httpx.TransportError | Problem) -> float:
        """Seconds until the next connection. Bytes that arrived start the count of attempts anew."""
        last = self._attempt >= self._policy.attempts
        if isinstance(error, Problem):
            wait = error.retry_after or 0.0
            if last or error.status not in PASSING_TROUBLE or wait > self._policy.longest_wait:
                raise error
        elif last:
            raise ConnectionFailed(url, str(error) or type(error).__name__) from error
        else:
            wait = 0.0
        self._attempt += 1
        return self._policy.pause(self._attempt - 1, wait)


def destination(to: str | Path, file_name: str) -> Path:
    """`to`, or the file's own name inside of it where `to` is a folder. Names never lead out of the folder."""
    path = Path(to)
    return path / safe_name(file_name) if path.is_dir() else path


def safe_name(file_name: str) -> str:
    """A stored name is someone else's text: only its last part counts, and never `.` or `..`."""
    last = re.split(r"[/\\]", file_name)[-1].replace("\0", "")
    return last if last not in {"", ".", ".."} else "download"
