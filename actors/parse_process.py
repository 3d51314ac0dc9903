"""Parses documents in child processes that can be killed: the parser's side.

A child works under a clock and an address-space limit and ends with its asker. What it needs from outside (OCR) it
asks for over a socket; it has no other way out.
"""

import asyncio
import dataclasses
import logging
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

from actors.child_environment import child_environment
from actors.extractors.document import ExtractionFailed, ExtractionOptions, RecognisedPage
from actors.extractors.extractor import ParseLimits
from actors.page_messages import recognised_message
from actors.parse_child import page_image_path
from actors.parse_frames import BadFrame, Kind, encode, read_frame
from actors.parse_server import EXIT
from actors.work_clock import WorkClock

log = logging.getLogger(__name__)

Recognise = Callable[[Path], Awaitable[RecognisedPage]]
"""Given the image file of one page; the OCR pool does it."""
OnProgress = Callable[[int, int], Awaitable[None]]
"""Pages done, pages in all."""


@dataclasses.dataclass(frozen=True, slots=True)
class ParseRequest:
    path: Path
    media_type: str
    extension: str
    options: ExtractionOptions


@dataclasses.dataclass(frozen=True, slots=True)
class ParsedDocument:
    """`json` is UTF-8: the fields of `Document`, as the API names them. It is passed on as it came, not read."""

    status: str
    page_count: int
    """Pages that were read; of a kind of file without pages, what it says that it has."""
    json: bytes


class ParserProcesses:
    """Parses any number of documents at once, each in a child of one warm fork server."""

    def __init__(self, limits: ParseLimits, scratch: Path, server_module: str = "actors.parse_server") -> None:
        self._limits = limits
        self._scratch = scratch
        self._server_module = server_module
        self._server: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._starting = asyncio.Lock()
        self._clean_ups: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start the fork server, if it does not run, and wait until its libraries are loaded."""
        async with self._starting:
            if self._server is None or self._server.returncode is not None:
                self._close_control()
                await asyncio.to_thread(self._scratch.mkdir, parents=True, exist_ok=True)
                await self._launch()

    async def _launch(self) -> None:
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        with theirs:
            self._server = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # no import from whatever folder this happens to run in
                "-m",
                self._server_module,
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                env=child_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        if not await asyncio.get_running_loop().sock_recv(self._control, 1):
            raise ExtractionFailed("worker-crashed", "start", "The parser could not be started.", True)

    async def parse(self, request: ParseRequest, recognise: Recognise, on_progress: OnProgress) -> ParsedDocument:
        """The document.

        Raises ExtractionFailed. Cancelling the task kills the child at once. What `on_progress` raises ends the
        parse; what `recognise` raises is the failure of its page.
        """
        await self.start()
        # Not awaited bare: a thread cannot be cancelled, and what it makes has to be removed.
        making = asyncio.create_task(asyncio.to_thread(tempfile.mkdtemp, prefix="parse-", dir=self._scratch))
        child: _Child | None = None
        try:
            folder = Path(await asyncio.shield(making))
            child = await self._fork()
            clock = WorkClock(self._limits.page_seconds, request.options.timeout_seconds)
            conversation = _Conversation(child, folder, self._limits, clock, recognise, on_progress)
            return await conversation.hold(request)
        finally:
            clean_up = asyncio.create_task(_clean_up(child, making))
            self._clean_ups.add(clean_up)
            clean_up.add_done_callback(self._clean_ups.discard)
            await asyncio.shield(clean_up)

    async def close(self) -> None:
        """Stop the fork server; children that still run are killed."""
        self._close_control()
        if self._server is not None:
            await self._server.wait()
            self._server = None
        await asyncio.gather(*self._clean_ups)

    async def _fork(self) -> "_Child":
        control = self._control
        if control is None:
            raise ExtractionFailed("worker-crashed", "start", "The parser is closed.", True)
        ours, job = socket.socketpair()
        report, their_report = socket.socketpair()
        with job, their_report:
            try:
                socket.send_fds(control, [b"f"], [job.fileno(), their_report.fileno()])
            except OSError as error:
                ours.close()
                report.close()
                raise ExtractionFailed("worker-crashed", "start", "The parser has ended.", True) from error
        report.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours)
        return _Child(reader, writer, report)

    def _close_control(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None


class _Child:
    """A running child: its conversation, and its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, report: socket.socket) -> None:
        self.reader, self.writer, self._report = reader, writer, report
        self._exit: tuple[int, int] | None = None
        self._has_ended = False

    async def ended(self) -> tuple[int, int] | None:
        """Wait for the end: exit code (negative: signal) and largest resident size.

        None when the fork server was killed, and its children with it.
        """
        if not self._has_ended:
            report = await asyncio.get_running_loop().sock_recv(self._report, EXIT.size)
            self._exit = EXIT.unpack(report) if len(report) == EXIT.size else None
            self._has_ended = True
        return self._exit

    async def kill(self) -> None:
        """End it at once, if it still runs, and wait until it is gone."""
        self._report.shutdown(socket.SHUT_WR)
        self.writer.close()
        await self.ended()
        self._report.close()


class _Conversation:
    """One parse: hears the child, lets its pages be recognised, and watches its clock."""

    def __init__(
        self,
        child: _Child,
        folder: Path,
        limits: ParseLimits,
        clock: WorkClock,
        recognise: Recognise,
        on_progress: OnProgress,
    ) -> None:
        self._child, self._folder, self._limits, self._clock = child, folder, limits, clock
        self._recognise, self._on_progress = recognise, on_progress
        self._pages: set[asyncio.Task[bytes]] = set()
        self._report: asyncio.Task[None] | None = None
        self._unreported: tuple[int, int] | None = None
        self._summary: dict[str, Any] = {}
        self._waits = 0
        self._answers = 0

    async def hold(self, request: ParseRequest) -> ParsedDocument:
        self._child.writer.write(encode(Kind.REQUEST, _request_message(request, self._folder, self._limits)))
        hearing = asyncio.create_task(self._hear())
        try:
            while True:
                done = await self._wait(hearing)
                self._pass_on(self._pages & done)
                self._report_progress(done)
                if hearing in done:
                    document = self._handle(*await self._heard(hearing))
                    if document is not None:
                        await self._finish_reporting()
                        return document
                    hearing = asyncio.create_task(self._hear())
        finally:
            await _cancel([hearing, *self._pages, *([self._report] if self._report else [])])

    async def _hear(self) -> tuple[Kind, bytes]:
        return await read_frame(self._child.reader, self._limits.max_document_bytes)

    async def _wait(self, hearing: asyncio.Task[tuple[Kind, bytes]]) -> set[asyncio.Task[Any]]:
        """Whichever comes first: the child speaks, a page is recognised, progress is reported, time is up."""
        awaited = {hearing, *self._pages, *([self._report] if self._report else [])}
        done, _ = await asyncio.wait(awaited, timeout=self._clock.remaining(), return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise ExtractionFailed("timeout", "parse", self._clock.reason())
        return done

    async def _heard(self, hearing: asyncio.Task[tuple[Kind, bytes]]) -> tuple[Kind, bytes]:
        try:
            return hearing.result()
        except (asyncio.IncompleteReadError, ConnectionError):
            raise _sudden_end(await self._child.ended()) from None
        except BadFrame as error:
            raise ExtractionFailed("worker-crashed", "parse", "The parser said something odd.") from error

    def _handle(self, kind: Kind, payload: bytes) -> ParsedDocument | None:
        """Act on what the child said; the document, when that was it."""
        if kind is Kind.DOCUMENT and self._summary:
            return ParsedDocument(str(self._summary["status"]), int(self._summary["page_count"]), payload)
        message = orjson.loads(payload)
        match kind:
            case Kind.OCR if len(self._pages) < self._limits.ocr_in_flight:
                self._clock.moved()
                self._pages.add(asyncio.create_task(self._recognise_page(int(message["number"]))))
            case Kind.WAITING:
                self._waits += 1
                self._keep_time()
            case Kind.PROGRESS:
                self._clock.moved()
                self._unreported = (int(message["done"]), int(message["total"]))
                self._report_progress(set())
            case Kind.SUMMARY:
                self._summary = message
            case Kind.FAILED:
                raise _failure(message)
            case _:
                raise ExtractionFailed("worker-crashed", "parse", "The parser said something odd.")
        return None

    async def _recognise_page(self, number: int) -> bytes:
        path = page_image_path(self._folder, number)
        try:
            page = await self._recognise(path)
        except Exception as error:  # noqa: BLE001 - whatever it is, a page's failure is that page's
            log.warning("page not recognised", extra={"page": number, "error": repr(error)})
            return encode(Kind.RECOGNISED, {"number": number, "failure": "The page could not be recognised."})
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return encode(Kind.RECOGNISED, recognised_message(number, page))

    def _pass_on(self, recognised: set[asyncio.Task[bytes]]) -> None:
        for page in recognised:
            self._pages.discard(page)
            self._child.writer.write(page.result())
            self._answers += 1
            self._clock.moved()
            self._keep_time()

    def _keep_time(self) -> None:
        """The child waits once for each answer; an answer may have been sent before its wait is heard of."""
        if self._waits > self._answers:
            self._clock.pause()
        else:
            self._clock.resume()

    def _report_progress(self, done: set[asyncio.Task[Any]]) -> None:
        """Report one state at a time; while one is under way only the latest is remembered."""
        if self._report in done and self._report is not None:
            self._report.result()
            self._report = None
        if self._report is None and self._unreported is not None:
            self._report = asyncio.create_task(_report(self._on_progress, *self._unreported))
            self._unreported = None

    async def _finish_reporting(self) -> None:
        while self._report is not None:
            await self._report
            self._report_progress({self._report})


async def _report(on_progress: OnProgress, done: int, total: int) -> None:
    await on_progress(done, total)


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _clean_up(child: _Child | None, making: asyncio.Task[str]) -> None:
    try:
        if child is not None:
            await child.kill()
    finally:
        await asyncio.to_thread(shutil.rmtree, await making, ignore_errors=True)


def _request_message(request: ParseRequest, folder: Path, limits: ParseLimits) -> dict[str, Any]:
    return {
        "path": str(request.path),
        "media_type": request.media_type,
        "extension": request.extension,
        "folder": str(folder),
        "options": dataclasses.asdict(request.options),
        "limits": dataclasses.asdict(limits),
    }


def _failure(message: dict[str, Any]) -> ExtractionFailed:
    if "at" in message:
        log.error("extractor failed", extra={"at": message["at"]})
    return ExtractionFailed(message["code"], message["phase"], message["message"], message["retryable"])


def _sudden_end(ended: tuple[int, int] | None) -> ExtractionFailed:
    """What it means that a child ended without a last word."""
    if ended is None:
        log.warning("parse ended with its fork server")
        return ExtractionFailed("worker-crashed", "parse", "The worker ended while it read the file.", True)
    exit_code, largest_resident = ended
    log.warning("parse ended suddenly", extra={"exit": exit_code, "resident_bytes": largest_resident})
    if exit_code in {-signal.SIGALRM, -signal.SIGXCPU}:
        return ExtractionFailed("timeout", "parse", "The parse took too long.")
    if exit_code == -signal.SIGKILL:
        return ExtractionFailed("out-of-memory", "parse", "The machine had no memory left for the parse.", True)
    return ExtractionFailed("worker-crashed", "parse", "The parser crashed on this file.")
