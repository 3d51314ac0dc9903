"""What a parsing child does, run in this process or in one that may be confined."""

import dataclasses
import json
import multiprocessing
import resource
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.extractors.document import (
    Document,
    ExtractionFailed,
    ExtractionOptions,
    Page,
    Properties,
    RecognisedLine,
    RecognisedPage,
)
from actors.extractors.extractor import PageFailed, PageImage, ParseLimits
from actors.page_messages import recognised_message, recognised_page
from actors.parse_child import (
    Job,
    ParserChannel,
    answer,
    extract,
    preload,
    run_job,
)
from actors.parse_frames import BadFrame, Kind, encode, receive_frame
from tests.unit.extractors.pdf_files import new_pdf, written


def job_for(path: Path, media_type: str = "application/pdf", limits: ParseLimits | None = None) -> Job:
    options = ExtractionOptions(languages=("en", "de"), password="p")
    return Job(path, media_type, path.suffix, path.parent, options, limits or ParseLimits())


def request_for(job: Job) -> bytes:
    message = {
        "path": str(job.path),
        "media_type": job.media_type,
        "extension": job.extension,
        "folder": str(job.folder),
        "options": dataclasses.asdict(job.options),
        "limits": dataclasses.asdict(job.limits),
    }
    return encode(Kind.REQUEST, message)


class Line:
    """Both ends of a conversation; `said` is what the child has sent."""

    def __init__(self) -> None:
        self.parser, self.child = socket.socketpair()

    def heard(self) -> tuple[Kind, dict[str, Any]]:
        return receive_frame(self.parser)


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    with line.parser, line.child:
        yield line


def channel(line: Line, folder: Path, limits: ParseLimits | None = None) -> ParserChannel:
    return ParserChannel(line.child, folder, limits or ParseLimits(), alarm=lambda _seconds: 0)


def a_page(text: str) -> RecognisedPage:
    found = RecognisedLine(text, (0, 0, 9, 9), 0.5, ((0, 0), (9, 0), (9, 9), (0, 9)), (0.2, 0.8))
    return RecognisedPage(10, 20, (found,), rotation=270)


Frame = tuple[Kind, dict[str, Any]]


def said(frame: bytes) -> Frame:
    kind, payload = Kind(frame[:1]), frame[5:]
    assert int.from_bytes(frame[1:5], "big") == len(payload)
    return kind, json.loads(payload)


def in_two(frames: bytes) -> tuple[Frame, Frame]:
    end = 5 + int.from_bytes(frames[1:5], "big")
    return said(frames[:end]), said(frames[end:])


def in_a_child(function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function` returns in a process of its own, which it may spoil."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs, function, arguments))
    process.start()
    returned = ours.recv()
    process.join()
    return returned


def _answer(connection: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    connection.send(function(*arguments))


def test_a_request_becomes_the_same_job_again(tmp_path: Path, line: Line) -> None:
    job = job_for(tmp_path / "a.pdf")
    line.parser.sendall(request_for(job))
    kind, message = receive_frame(line.child)
    assert (kind, Job.of(message)) == (Kind.REQUEST, job)


def test_a_recognised_page_survives_the_way() -> None:
    page = a_page("Ärger")
    kind, message = said(encode(Kind.RECOGNISED, recognised_message(3, page)))
    assert (kind, message["number"]) == (Kind.RECOGNISED, 3)
    assert recognised_page(message["page"]) == page


def test_a_document_is_the_last_word(tmp_path: Path, line: Line) -> None:
    pdf = new_pdf()
    pdf.text(50, 50, "plain text")
    job = job_for(written(pdf, tmp_path / "a.pdf"))
    summary, (kind, document) = in_two(answer(job, channel(line, tmp_path), extract))
    assert summary == (Kind.SUMMARY, {"status": "succeeded", "page_count": 1})
    assert (kind, document["content"]) == (Kind.DOCUMENT, "plain text")
    assert document["schema"] == "muniment.document/1"
    assert line.heard() == (Kind.PROGRESS, {"done": 1, "total": 1})


def test_a_document_says_which_language_its_text_is_in(tmp_path: Path, line: Line) -> None:
    pdf = new_pdf()
    pdf.text(50, 50, "Der Hafen der Stadt ist so alt wie die Stadt selbst.")
    job = job_for(written(pdf, tmp_path / "a.pdf"))
    _, (_, document) = in_two(answer(job, channel(line, tmp_path), extract))
    assert document["document"]["language"] == "de"


@pytest.mark.parametrize(("listed", "said", "counted"), [(2, 30, 2), (2, None, 2), (0, 4, 4), (0, None, 0)])
def test_pages_are_counted_as_they_were_read(
    tmp_path: Path, line: Line, listed: int, said: int | None, counted: int
) -> None:
    document = Document(Properties(page_count=said), pages=[Page(1, 9, 9)] * listed)
    (_, summary), _ = in_two(answer(job_for(tmp_path / "a.pdf"), channel(line, tmp_path), lambda *_: document))
    assert summary == {"status": "succeeded", "page_count": counted}


def test_progress_is_told_now_and_then_and_at_the_end(tmp_path: Path, line: Line) -> None:
    now = 0.0
    asking = ParserChannel(line.child, tmp_path, ParseLimits(), alarm=lambda _seconds: 0, clock=lambda: now)
    asking.progress(1, 9)
    asking.progress(2, 9)
    now = 1.0
    asking.progress(3, 9)
    asking.progress(4, 9)
    asking.progress(9, 9)
    told = [line.heard() for _ in range(3)]
    assert told == [(Kind.PROGRESS, {"done": done, "total": 9}) for done in (1, 3, 9)]


def test_whoever_waits_for_a_page_tells_first_how_far_it_is(tmp_path: Path, line: Line) -> None:
    asking = ParserChannel(line.child, tmp_path, ParseLimits(), alarm=lambda _seconds: 0, clock=lambda: 0.0)
    asking.progress(1, 9)
    asking.progress(2, 9)
    line.parser.sendall(encode(Kind.RECOGNISED, {"number": 3, "failure": "no engine"}))
    assert list(asking.recognise_pages([PageImage(3, lambda path: path.touch())])) == [(3, PageFailed("no engine"))]
    heard = [line.heard() for _ in range(4)]
    assert heard[2:] == [(Kind.PROGRESS, {"done": 2, "total": 9}), (Kind.WAITING, {})]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ExtractionFailed("corrupt-file", "parse", "broken"), "corrupt-file"),
        (MemoryError(), "out-of-memory"),
        (KeyError("a secret"), "internal"),
    ],
)
def test_why_there_is_no_document_is_the_last_word_too(tmp_path: Path, line: Line, error: Exception, code: str) -> None:
    def fail(_job: Job, _channel: ParserChannel) -> Document:
        raise error

    kind, message = said(answer(job_for(tmp_path / "a.pdf"), channel(line, tmp_path), fail))
    assert (kind, message["code"]) == (Kind.FAILED, code)
    assert "secret" not in str(message)
    assert ("at" in message) == (code == "internal")


def test_a_document_that_is_too_large_is_not_sent(tmp_path: Path, line: Line) -> None:
    job = job_for(tmp_path / "a.pdf", limits=ParseLimits(max_document_bytes=1000))
    kind, message = said(answer(job, channel(line, tmp_path), lambda *_: Document(content="x" * 1000)))
    assert (kind, message["code"]) == (Kind.FAILED, "out-of-memory")


def test_a_kind_that_nothing_reads_is_a_failure(tmp_path: Path, line: Line) -> None:
    job = job_for(tmp_path / "a.exe", media_type="application/x-msdownload")
    with pytest.raises(ExtractionFailed, match="No extractor"):
        extract(job, channel(line, tmp_path))


def test_pages_are_asked_for_while_there_is_room(tmp_path: Path, line: Line) -> None:
    def images() -> Iterator[PageImage]:
        for number in range(1, 4):
            yield PageImage(number, lambda path: path.touch())

    asked = channel(line, tmp_path, ParseLimits(ocr_in_flight=2)).recognise_pages(images())
    line.parser.sendall(encode(Kind.RECOGNISED, recognised_message(1, a_page("one"))))
    assert next(asked) == (1, a_page("one"))
    assert [line.heard() for _ in range(3)] == [
        (Kind.OCR, {"number": 1}),
        (Kind.OCR, {"number": 2}),
        (Kind.WAITING, {}),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page-1.png", "page-2.png"]
    line.parser.sendall(encode(Kind.RECOGNISED, {"number": 2, "failure": "no engine"}))
    line.parser.sendall(encode(Kind.RECOGNISED, recognised_message(3, a_page("three"))))
    assert dict(asked) == {2: PageFailed("no engine"), 3: a_page("three")}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "The page needs more memory to be drawn than a parse may use."),
        (OSError(), "The page could not be drawn."),
    ],
)
def test_a_page_that_cannot_be_drawn_is_not_asked_for(
    tmp_path: Path, line: Line, error: Exception, reason: str
) -> None:
    def refuse(_path: Path) -> None:
        raise error

    found = channel(line, tmp_path).recognise_pages([PageImage(7, refuse)])
    assert list(found) == [(7, PageFailed(reason))]


def test_a_parser_that_has_gone_ends_the_child(line: Line) -> None:
    line.parser.sendall(b"R\x00")
    line.parser.shutdown(socket.SHUT_WR)
    with pytest.raises(EOFError):
        receive_frame(line.child)


def test_a_frame_of_no_kind_is_refused(line: Line) -> None:
    line.parser.sendall(b"?\x00\x00\x00\x00")
    with pytest.raises(BadFrame):
        receive_frame(line.child)


def run_one_job(path: Path) -> tuple[str, str, list[tuple[int, int]]]:
    """The last frame, its content, and the limits of the process that sent it."""
    preload()
    parser, child = socket.socketpair()
    parser.sendall(request_for(job_for(path, limits=ParseLimits(memory_bytes=2**30))))
    run_job(child)
    while (frame := receive_frame(parser))[0] in {Kind.PROGRESS, Kind.SUMMARY}:
        pass
    names = (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS)
    return frame[0].name, frame[1]["content"], [resource.getrlimit(name) for name in names]


def test_a_job_runs_from_request_to_document_in_a_confined_process(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.text(50, 50, "plain text")
    kind, content, (core, files, memory) = in_a_child(run_one_job, written(pdf, tmp_path / "a.pdf"))
    assert (kind, content) == ("DOCUMENT", "plain text")
    assert (core, files) == ((0, 0), (128, 128))
    assert 2**30 < memory[0] == memory[1] < 2**36


def test_a_child_does_nothing_that_was_not_requested(line: Line) -> None:
    line.parser.sendall(encode(Kind.WAITING, {}))
    with pytest.raises(ValueError, match="first frame"):
        run_job(line.child)
