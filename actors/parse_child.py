"""What a forked child does: confine itself, parse one document, say what came of it, end."""

import ctypes
import dataclasses
import gc
import importlib
import math
import os
import resource
import signal
import socket
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions, RecognisedPage
from actors.extractors.document_json import document_json
from actors.extractors.extractor import PageFailed, PageImage, ParseLimits
from actors.extractors.kinds import ENGINE_VERSION, KINDS, extractor_for
from actors.extractors.language import identifier, language_of
from actors.page_messages import recognised_page
from actors.parse_frames import Kind, encode, pack, receive_frame

_LIBRARIES = ("pypdfium2", "pypdf", "PIL.Image", "docx", "lxml.etree", "cchardet", "cryptography")
_PR_SET_NO_NEW_PRIVS = 38
_SCRATCH_FILE_BYTES = 256 * 2**20
_OPEN_FILES = 128
_PROGRESS_SECONDS = 0.05
"""At least so long between two words of progress."""
_COLLECTIONS = (100_000, 50, 100)
"""Thresholds of the garbage collector: a document is large, has no cycles, and is needed until its child ends."""


def preload() -> None:
    """Load what parsing needs, once, in the fork server; frozen, so that children share the pages."""
    for module in (*_LIBRARIES, *(kind.module for kind in KINDS)):
        importlib.import_module(module)
    identifier()
    gc.freeze()
    gc.set_threshold(*_COLLECTIONS)


def run_job(connection: socket.socket) -> None:
    """Parse the document that the first frame names, and send it or why not."""
    kind, message = receive_frame(connection)
    if kind is not Kind.REQUEST:
        raise ValueError(f"the first frame must be a request, not {kind}")
    job = Job.of(message)
    confine(job.limits)
    connection.sendall(answer(job, ParserChannel(connection, job.folder, job.limits), extract))


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    path: Path
    media_type: str
    extension: str
    folder: Path
    """Where page images go."""
    options: ExtractionOptions
    limits: ParseLimits

    @classmethod
    def of(cls, message: dict[str, Any]) -> "Job":
        options = message["options"] | {"languages": tuple(message["options"]["languages"])}
        return cls(
            path=Path(message["path"]),
            media_type=message["media_type"],
            extension=message["extension"],
            folder=Path(message["folder"]),
            options=ExtractionOptions(**options),
            limits=ParseLimits(**message["limits"]),
        )


Extract = Callable[[Job, "ParserChannel"], Document]


def confine(limits: ParseLimits) -> None:
    """Bound what this process can take."""
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    pages_in_use = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    address_space = pages_in_use * resource.getpagesize() + limits.memory_bytes
    for what, bound in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_FSIZE, _SCRATCH_FILE_BYTES),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (bound, bound))


def answer(job: Job, channel: "ParserChannel", extract: Extract) -> bytes:
    """The last words: the document after its summary, or the failure."""
    started = time.monotonic()
    try:
        document = extract(job, channel)
        document.timings["parse_seconds"] = round(time.monotonic() - started, 3)
        written = document_json(document, ENGINE_VERSION)
    except ExtractionFailed as failure:
        return encode(Kind.FAILED, failure.as_dict())
    except MemoryError:
        gc.collect()
        return _failed("out-of-memory", "The file needs more memory than a parse may use.")
    except Exception as error:  # noqa: BLE001 - the last one who can tell the parser what happened
        return _failed("internal", "The file could not be read.", at=_where(error))
    if len(written) > job.limits.max_document_bytes:
        return _failed("out-of-memory", "What the file contains is larger than a document may be.")
    return encode(Kind.SUMMARY, _summary(document)) + pack(Kind.DOCUMENT, written)


def _summary(document: Document) -> dict[str, Any]:
    # A kind of file without pages may still say how many it would have.
    return {"status": document.status, "page_count": len(document.pages) or document.properties.page_count or 0}


def extract(job: Job, channel: "ParserChannel") -> Document:
    extractor = extractor_for(job.media_type, job.extension)
    if extractor is None:
        raise ExtractionFailed("internal", "parse", "No extractor reads this kind of file.")
    document = extractor(job.path, job.options, job.limits, channel)
    properties = document.properties
    properties.language = language_of(document.content, properties.language, job.options.languages)
    return document


def _failed(code: str, message: str, **more: str) -> bytes:
    return encode(Kind.FAILED, {"code": code, "phase": "parse", "message": message, "retryable": False, **more})


def _where(error: Exception) -> str:
    """The error's type and the lines that led to it: no values, so nothing of the document gets into a log."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    places = " < ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in reversed(frames))  # noqa: PTH119
    return f"{type(error).__name__} at {places}"


class ParserChannel:
    """The child's side of the talk with the parser: asks for OCR, tells progress."""

    def __init__(
        self,
        connection: socket.socket,
        folder: Path,
        limits: ParseLimits,
        alarm: Callable[[int], int] = signal.alarm,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection, self._folder, self._limits, self._alarm = connection, folder, limits, alarm
        self._clock = clock
        self._told_at = -math.inf
        self._untold: dict[str, int] | None = None

    def recognise_pages(self, images: Iterable[PageImage]) -> Iterator[tuple[int, RecognisedPage | PageFailed]]:
        waiting = 0
        for image in images:
            while waiting >= self._limits.ocr_in_flight:
                yield self._receive()
                waiting -= 1
            failure = self._save(image)
            if failure is None:
                self._connection.sendall(encode(Kind.OCR, {"number": image.number}))
                waiting += 1
            else:
                yield image.number, failure
        for _ in range(waiting):
            yield self._receive()

    def progress(self, pages_done: int, pages_total: int) -> None:
        """A page may take less time than to tell of it: only so many are told of in a second, but the last is."""
        self._set_alarm()
        self._untold = {"done": pages_done, "total": pages_total}
        if pages_done == pages_total or self._clock() - self._told_at >= _PROGRESS_SECONDS:
            self._tell_progress()

    def _tell_progress(self) -> None:
        if self._untold is not None:
            self._connection.sendall(encode(Kind.PROGRESS, self._untold))
            self._untold, self._told_at = None, self._clock()

    def _save(self, image: PageImage) -> PageFailed | None:
        self._set_alarm()
        try:
            image.save(page_image_path(self._folder, image.number))
        except MemoryError:
            return PageFailed("The page needs more memory to be drawn than a parse may use.")
        except (OSError, ValueError, RuntimeError):
            return PageFailed("The page could not be drawn.")
        return None

    def _receive(self) -> tuple[int, RecognisedPage | PageFailed]:
        self._alarm(0)
        self._tell_progress()
        self._connection.sendall(encode(Kind.WAITING, {}))
        _, message = receive_frame(self._connection)
        self._set_alarm()
        number: int = message["number"]
        if "failure" in message:
            return number, PageFailed(message["failure"])
        return number, recognised_page(message["page"])

    def _set_alarm(self) -> None:
        """End this process even if nobody watches it any more; the parser's own clock is shorter."""
        self._alarm(int(self._limits.page_seconds) * 2 + 1)


def page_image_path(folder: Path, number: int) -> Path:
    return folder / f"page-{number}.png"
