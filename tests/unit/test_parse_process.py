"""Parsing children are bounded in time, memory and life, whatever they do."""

import asyncio
import json
import signal
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.extractors.document import ExtractionFailed, ExtractionOptions, RecognisedLine, RecognisedPage
from actors.extractors.extractor import ParseLimits
from actors.parse_process import OnProgress, ParseRequest, ParserProcesses, Recognise
from tests.processes import gone, one_child_of, until

SERVER = "tests.misbehaving_parse_server"
LIMITS = ParseLimits(page_seconds=20.0, memory_bytes=256 * 2**20, max_document_bytes=2**20)


@pytest.fixture(scope="module")
async def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
async def parsers(scratch: Path) -> AsyncIterator[ParserProcesses]:
    parsers = ParserProcesses(LIMITS, scratch, SERVER)
    await parsers.start()
    yield parsers
    await parsers.close()
    assert folders_in(scratch) == []


async def recognise_nothing(_path: Path) -> RecognisedPage:
    return RecognisedPage(1, 1, ())


async def ignore_progress(_done: int, _total: int) -> None:
    return None


async def parse(
    parsers: ParserProcesses,
    behaviour: str,
    recognise: Recognise = recognise_nothing,
    on_progress: OnProgress = ignore_progress,
    seconds: float = 60.0,
) -> dict[str, Any]:
    options = ExtractionOptions(timeout_seconds=seconds, languages=("en",), password="p")
    request = ParseRequest(Path(behaviour), "application/pdf", ".pdf", options)
    document: dict[str, Any] = json.loads((await parsers.parse(request, recognise, on_progress)).json)
    return document


async def failure(parsers: ParserProcesses, behaviour: str, seconds: float = 60.0) -> ExtractionFailed:
    with pytest.raises(ExtractionFailed) as caught:
        await parse(parsers, behaviour, seconds=seconds)
    return caught.value


def page_with(text: str) -> RecognisedPage:
    line = RecognisedLine(text, (0, 0, 9, 9), 0.9, ((0, 0), (9, 0), (9, 9), (0, 9)))
    return RecognisedPage(10, 10, (line,), rotation=90)


async def test_a_document_comes_back_and_its_last_progress_is_told(parsers: ParserProcesses) -> None:
    told = []

    async def on_progress(done: int, total: int) -> None:
        told.append((done, total))

    document = await parse(parsers, "succeed", on_progress=on_progress)
    assert document["content"] == "done"
    assert told[-1] == (3, 3)


async def test_slow_listeners_hear_the_latest_progress_only(parsers: ParserProcesses) -> None:
    told = []
    listening = asyncio.Event()

    async def on_progress(done: int, _total: int) -> None:
        told.append(done)
        if len(told) == 1:
            await asyncio.wait_for(listening.wait(), 10)

    parsing = asyncio.create_task(parse(parsers, "spin_with_progress", on_progress=on_progress, seconds=1.0))
    await until(lambda: bool(told))
    asyncio.get_running_loop().call_later(0.3, listening.set)  # the child goes on and on meanwhile
    with pytest.raises(ExtractionFailed, match="longer than 1 seconds"):
        await parsing
    assert told[1] > told[0] + 1


async def test_the_last_progress_is_told_even_when_the_child_has_ended_by_then(parsers: ParserProcesses) -> None:
    told = []
    ended = asyncio.Event()
    asyncio.get_running_loop().call_later(0.5, ended.set)  # the child needs a few milliseconds

    async def on_progress(done: int, _total: int) -> None:
        await ended.wait()
        told.append(done)

    await parse(parsers, "succeed", on_progress=on_progress)
    assert told == [1, 3]


async def test_closing_what_was_never_started_is_nothing(tmp_path: Path) -> None:
    await ParserProcesses(LIMITS, tmp_path).close()


async def test_a_listener_that_fails_ends_the_parse(parsers: ParserProcesses) -> None:
    async def on_progress(_done: int, _total: int) -> None:
        raise LookupError("the job is not ours any more")

    with pytest.raises(LookupError):
        await parse(parsers, "succeed", on_progress=on_progress)


async def test_pages_are_recognised_a_few_at_a_time_and_come_back_in_order(
    parsers: ParserProcesses, scratch: Path
) -> None:
    files: list[int] = []

    async def recognise(path: Path) -> RecognisedPage:
        files.append(len(list(path.parent.iterdir())))
        text = await asyncio.to_thread(path.read_text, encoding="utf-8")
        await asyncio.sleep(0.001 * (10 - len(files)))
        return page_with(text)

    document = await parse(parsers, "scan", recognise)
    read = [f"page {number}" for number in range(1, 10) if number != 5]
    assert document["content"].split("\n\n") == read
    assert max(files) <= LIMITS.ocr_in_flight
    assert folders_in(scratch) == []


async def test_a_page_that_fails_is_only_that_page(parsers: ParserProcesses) -> None:
    async def recognise(path: Path) -> RecognisedPage:
        if path.name == "page-2.png":
            raise RuntimeError("the engine stumbled")
        return page_with("read")

    document = await parse(parsers, "scan", recognise)
    errors = {page["number"]: page["error"] for page in document["pages"] if "error" in page}
    assert errors == {2: "The page could not be recognised.", 5: "The page could not be drawn."}
    assert document["status"] == "partial"


async def test_waiting_for_ocr_is_no_lack_of_progress(scratch: Path) -> None:
    async def recognise(_path: Path) -> RecognisedPage:
        await asyncio.sleep(1.2)  # longer than a page or the whole document may take in parsing
        return page_with("late")

    parsers = ParserProcesses(ParseLimits(page_seconds=1.0, ocr_in_flight=8), scratch, SERVER)
    try:
        document = await parse(parsers, "scan", recognise, seconds=1.1)
    finally:
        await parsers.close()
    assert document["content"].count("late") == 8


async def test_a_hung_parse_is_killed(scratch: Path) -> None:
    parsers = ParserProcesses(ParseLimits(page_seconds=0.2), scratch, SERVER)
    failed = await failure(parsers, "hang")
    await parsers.close()
    assert (failed.code, failed.message) == ("timeout", "The parse made no progress for 0.2 seconds.")


async def test_a_parse_that_never_ends_is_killed_even_while_it_makes_progress(parsers: ParserProcesses) -> None:
    failed = await failure(parsers, "spin_with_progress", seconds=0.3)
    assert (failed.code, failed.message) == ("timeout", "The parse took longer than 0.3 seconds.")


@pytest.mark.parametrize(
    ("behaviour", "code", "retryable"),
    [
        ("eat_memory", "out-of-memory", False),
        ("write_a_huge_document", "out-of-memory", False),
        ("fail", "corrupt-file", False),
        ("stumble", "internal", False),
        ("abort", "worker-crashed", False),
        ("be_killed", "out-of-memory", True),
        ("be_alarmed", "timeout", False),
        ("talk_nonsense", "worker-crashed", False),
        ("give_orders", "worker-crashed", False),
        ("claim_a_huge_frame", "worker-crashed", False),
    ],
)
async def test_an_end_without_a_document_says_why(
    parsers: ParserProcesses, behaviour: str, code: str, *, retryable: bool
) -> None:
    failed = await failure(parsers, behaviour)
    assert (failed.code, failed.retryable) == (code, retryable)
    assert "secret" not in str(failed.as_dict())


async def test_cancelling_kills_the_child_at_once(parsers: ParserProcesses, scratch: Path) -> None:
    parsing = asyncio.create_task(parse(parsers, "hang"))
    await until(lambda: bool(folders_in(scratch)))
    parsing.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await parsing
    assert time.monotonic() - started < 2.0
    assert folders_in(scratch) == []


async def test_a_fork_server_that_was_killed_is_replaced(scratch: Path) -> None:
    parsers = ParserProcesses(LIMITS, scratch, SERVER)
    parsing = asyncio.create_task(failure(parsers, "hang"))
    await until(lambda: parsers._server is not None)
    assert parsers._server is not None
    await one_child_of(parsers._server.pid, SERVER)
    parsers._server.kill()
    failed = await parsing
    assert (failed.code, failed.retryable) == ("worker-crashed", True)
    await parsers._server.wait()
    assert (await parse(parsers, "succeed"))["content"] == "done"
    await parsers.close()


async def test_a_server_that_cannot_start_is_a_failure_to_try_again(tmp_path: Path) -> None:
    parsers = ParserProcesses(LIMITS, tmp_path / "scratch", "tests.no_such_module")
    failed = await failure(parsers, "succeed")
    await parsers.close()
    assert (failed.code, failed.phase, failed.retryable) == ("worker-crashed", "start", True)


async def test_a_server_that_dies_before_the_fork_is_a_failure_to_try_again(scratch: Path) -> None:
    parsers = ParserProcesses(LIMITS, scratch, SERVER)
    await parsers.start()
    assert parsers._control is not None
    parsers._control.close()
    failed = await failure(parsers, "succeed")
    assert failed.retryable
    await parsers.close()
    with pytest.raises(ExtractionFailed, match="closed"):
        await parsers._fork()


async def test_no_child_outlives_a_parser_that_was_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import asyncio, sys
        from pathlib import Path
        from tests.unit.test_parse_process import LIMITS, SERVER, ParserProcesses, parse
        asyncio.run(parse(ParserProcesses(LIMITS, Path({str(tmp_path)!r}), SERVER), "hang"))
        """
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        server = await one_child_of(parent.pid, SERVER)
        child = await one_child_of(server, SERVER)
    finally:
        parent.send_signal(signal.SIGKILL)
        await parent.wait()
    await gone(server)
    await gone(child)


def folders_in(scratch: Path) -> list[Path]:
    return list(scratch.iterdir())
