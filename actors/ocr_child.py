"""A process that holds an OCR engine: reads the page images it is told, one at a time, until it is killed."""

import ctypes
import logging
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from actors.extractors.document import RecognisedPage
from actors.page_messages import recognised_message
from actors.parse_frames import Kind, encode, receive_frame

log = logging.getLogger(__name__)

LOADED = b"!"
_PR_SET_PDEATHSIG = 1


def serve(connection: socket.socket, recognise: Callable[[Path], RecognisedPage]) -> None:
    """Answer until the other end closes."""
    connection.sendall(LOADED)
    while True:
        try:
            _, message = receive_frame(connection)
        except EOFError:
            return
        connection.sendall(_answer(Path(message["path"]), recognise))


def _answer(path: Path, recognise: Callable[[Path], RecognisedPage]) -> bytes:
    try:
        return encode(Kind.RECOGNISED, recognised_message(0, recognise(path)))
    except Exception as error:
        log.exception("page not read")
        return encode(Kind.FAILED, {"reason": type(error).__name__})


def main() -> None:  # pragma: no cover - the entry of a process of its own
    from actors.ocr_engine import OcrEngine

    descriptor, cache, model_folder = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A page that is being read must not outlive who asked for it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    engine = OcrEngine(Path(cache), Path(model_folder) if model_folder else None)
    serve(socket.socket(fileno=int(descriptor)), engine.recognise)


if __name__ == "__main__":  # pragma: no cover
    main()
