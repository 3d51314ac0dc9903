"""An OCR engine in a child process, which is replaced when it hangs, dies or has grown. No Ray in here."""

import asyncio
import contextlib
import logging
import resource
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import orjson

from actors.child_environment import child_environment
from actors.extractors.document import RecognisedPage
from actors.page_messages import recognised_page
from actors.parse_frames import BadFrame, Kind, encode, read_frame

log = logging.getLogger(__name__)

TRIES = 3
"""For a page whose engine hangs or dies: it may have been the engine's fault."""
_LONGEST_PAGE = 64 * 2**20


@dataclass(frozen=True, slots=True)
class OcrLimits:
    """What one engine may take. Times are seconds."""

    page_seconds: float
    """An engine that reads a page for so long is killed."""
    pages: int
    """An engine is replaced after so many."""
    growth_bytes: int
    """An engine is replaced when it holds so much more than when it was new."""
    abandoned_seconds: float = 2.5
    """How long a page may go on that nobody waits for any more; an engine cannot be interrupted, only killed."""
    start_seconds: float = 120.0


class PageNotRead(Exception):
    """Nothing could be found on the page, and why."""


class _EngineLost(Exception):
    """The engine is of no more use."""


class OcrProcess:
    """Reads one page at a time; whoever comes meanwhile waits, whatever happens to the engine."""

    def __init__(self, limits: OcrLimits, arguments: Sequence[str] = (), module: str = "actors.ocr_child") -> None:
        """`arguments` are the module's own."""
        self._limits, self._arguments, self._module = limits, arguments, module
        self._turn = asyncio.Lock()
        self._engine: _Engine | None = None
        self._warming: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Load an engine. Raises `PageNotRead` when that is not possible."""
        async with self._turn:
            try:
                await self._loaded()
            except _EngineLost as error:
                raise PageNotRead(str(error)) from error

    async def recognise(self, image_path: Path) -> RecognisedPage:
        """Raises `PageNotRead`. When the call is cancelled the page is given up, and with it the engine if need be."""
        async with self._turn:
            reading = asyncio.create_task(self._read(image_path))
            try:
                return await asyncio.shield(reading)
            finally:
                await self._let_go(reading)
                self._keep_warm()

    async def close(self) -> None:
        self._closed = True
        if self._warming is not None:
            self._warming.cancel()
        await self._drop_engine()

    async def _read(self, image_path: Path) -> RecognisedPage:
        reason = ""
        for _ in range(TRIES):
            try:
                engine = await self._loaded()
                page = await engine.read(image_path)
            except _EngineLost as error:
                reason = str(error)
                log.warning("engine lost", extra={"reason": reason, "page": image_path.name})
                await self._drop_engine()
            except asyncio.CancelledError:
                await self._drop_engine()
                raise
            else:
                if engine.is_spent:
                    await self._drop_engine()
                return page
        raise PageNotRead(reason)

    async def _let_go(self, reading: asyncio.Task[RecognisedPage]) -> None:
        try:
            await asyncio.wait({reading}, timeout=self._limits.abandoned_seconds)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    def _keep_warm(self) -> None:
        """Load the next engine before a page has to wait for it."""
        if self._engine is None and not self._closed:
            self._warming = asyncio.create_task(self._warm())

    async def _warm(self) -> None:
        with contextlib.suppress(PageNotRead):  # the next page tries again, and tells
            await self.start()

    async def _loaded(self) -> "_Engine":
        if self._closed:
            raise _EngineLost("The OCR engine is closed.")
        if self._engine is None:
            self._engine = await _Engine.launch(self._module, self._arguments, self._limits)
        return self._engine

    async def _drop_engine(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.kill()


class _Engine:
    """A child process and the way to talk to it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        limits: OcrLimits,
    ) -> None:
        self._process, self._reader, self._writer, self._limits = process, reader, writer, limits
        self._pages = 0
        self._resident_when_new = 0

    @classmethod
    async def launch(cls, module: str, arguments: Sequence[str], limits: OcrLimits) -> Self:
        """One that has loaded. Raises `_EngineLost`."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # no import from whatever folder this happens to run in
                "-m",
                module,
                str(theirs.fileno()),
                *arguments,
                pass_fds=[theirs.fileno()],
                env=child_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        engine = cls(process, *await asyncio.open_connection(sock=ours), limits)
        try:
            async with asyncio.timeout(limits.start_seconds):
                await engine._reader.readexactly(1)
        except BaseException as error:
            await engine.kill()
            if isinstance(error, TimeoutError | asyncio.IncompleteReadError | ConnectionError):
                raise _EngineLost("The OCR engine could not be started.") from error
            raise
        engine._resident_when_new = engine._resident()
        return engine

    async def read(self, image_path: Path) -> RecognisedPage:
        """Raises `PageNotRead`, and `_EngineLost` when it hangs or dies."""
        self._writer.write(encode(Kind.REQUEST, {"path": str(image_path)}))
        try:
            async with asyncio.timeout(self._limits.page_seconds):
                kind, payload = await read_frame(self._reader, _LONGEST_PAGE)
        except TimeoutError as error:
            raise _EngineLost(f"The page took longer than {self._limits.page_seconds:g} seconds.") from error
        except (asyncio.IncompleteReadError, ConnectionError, BadFrame) as error:
            raise _EngineLost("The OCR engine ended while it read the page.") from error
        self._pages += 1
        message = orjson.loads(payload)
        if kind is not Kind.RECOGNISED:
            raise PageNotRead(f"The OCR engine failed on the page: {message['reason']}.")
        return recognised_page(message["page"])

    @property
    def is_spent(self) -> bool:
        grown = self._resident() - self._resident_when_new
        return self._pages >= self._limits.pages or grown >= self._limits.growth_bytes

    async def kill(self) -> None:
        """Returns when it is gone."""
        self._writer.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    def _resident(self) -> int:
        """Bytes; nothing when it has just died, which the next page finds out."""
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1]
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return int(pages) * resource.getpagesize()
