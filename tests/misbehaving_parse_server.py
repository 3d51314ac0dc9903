"""A fork server whose children do not parse: each does what the name of its file says."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from actors.extractors.assembly import BlockPiece, LinePiece, PagePiece, assemble
from actors.extractors.document import Document, ExtractionFailed
from actors.extractors.extractor import PageFailed, PageImage
from actors.parse_child import Job, ParserChannel, answer, confine
from actors.parse_frames import Kind, encode, receive_frame
from actors.parse_server import ParseServer


def succeed(_job: Job, channel: ParserChannel) -> Document:
    for page in range(1, 4):
        channel.progress(page, 3)
    return assemble(Document(), [PagePiece(1, 10, 10, [BlockPiece("paragraph", [LinePiece("done")])])])


def hang(_job: Job, _channel: ParserChannel) -> Document:
    while True:
        time.sleep(60)


def spin_with_progress(_job: Job, channel: ParserChannel) -> Document:
    done = 0
    while True:
        done += 1
        channel.progress(done, 10**9)
        time.sleep(0.01)


def eat_memory(_job: Job, _channel: ParserChannel) -> Document:
    eaten = [bytearray(2**20)]
    while True:
        eaten.append(bytearray(2**20))


def fail(_job: Job, _channel: ParserChannel) -> Document:
    raise ExtractionFailed("corrupt-file", "parse", "It is broken.")


def stumble(_job: Job, _channel: ParserChannel) -> Document:
    raise KeyError("a secret of the document")


def abort(_job: Job, _channel: ParserChannel) -> Document:
    os.kill(os.getpid(), signal.SIGSEGV)
    return hang(_job, _channel)


def be_killed(_job: Job, _channel: ParserChannel) -> Document:
    os.kill(os.getpid(), signal.SIGKILL)
    return hang(_job, _channel)


def be_alarmed(_job: Job, _channel: ParserChannel) -> Document:
    os.kill(os.getpid(), signal.SIGALRM)
    return hang(_job, _channel)


def talk_nonsense(_job: Job, channel: ParserChannel) -> Document:
    channel._connection.sendall(b"what is a frame?")
    return hang(_job, channel)


def give_orders(_job: Job, channel: ParserChannel) -> Document:
    channel._connection.sendall(encode(Kind.REQUEST, {}))
    return hang(_job, channel)


def claim_a_huge_frame(_job: Job, channel: ParserChannel) -> Document:
    channel._connection.sendall(b"O\xff\xff\xff\xff")
    return hang(_job, channel)


def write_a_huge_document(job: Job, channel: ParserChannel) -> Document:
    document = succeed(job, channel)
    document.content = "x" * (job.limits.max_document_bytes + 1)
    return document


def scan(_job: Job, channel: ParserChannel) -> Document:
    """Nine pages; the fifth cannot be drawn. What was recognised is told in the document."""

    def save(number: int, path: Path) -> None:
        if number == 5:
            raise ValueError("no picture")
        path.write_text(f"page {number}", encoding="utf-8")

    def image(number: int) -> PageImage:
        return PageImage(number, lambda path: save(number, path))

    found = dict(channel.recognise_pages(image(number) for number in range(1, 10)))
    return assemble(Document(), [_page(number, found[number]) for number in range(1, 10)])


def _page(number: int, found: object) -> PagePiece:
    if isinstance(found, PageFailed):
        return PagePiece(number, 10, 10, error=found.reason)
    text = " ".join(line.text for line in found.lines)  # type: ignore[attr-defined]
    return PagePiece(number, 10, 10, [BlockPiece("paragraph", [LinePiece(text)])])


BEHAVIOURS: dict[str, Callable[[Job, ParserChannel], Document]] = {
    each.__name__: each
    for each in (
        succeed,
        hang,
        spin_with_progress,
        eat_memory,
        fail,
        stumble,
        abort,
        be_killed,
        be_alarmed,
        talk_nonsense,
        give_orders,
        claim_a_huge_frame,
        write_a_huge_document,
        scan,
    )
}


def run(connection: socket.socket) -> None:
    _, message = receive_frame(connection)
    job = Job.of(message)
    confine(job.limits)
    channel = ParserChannel(connection, job.folder, job.limits)
    connection.sendall(answer(job, channel, BEHAVIOURS[job.path.name]))


if __name__ == "__main__":
    control = socket.socket(fileno=int(sys.argv[1]))
    control.sendall(b"!")
    ParseServer(control, run).serve()
