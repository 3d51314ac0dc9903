"""An OCR child whose engine does what the name of the page image says. Which engine read a page is in its text."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

from actors.extractors.document import RecognisedLine, RecognisedPage
from actors.ocr_child import serve

_eaten: list[bytes] = []


def recognise(path: Path) -> RecognisedPage:
    match path.stem:
        case "hang":
            path.touch()  # the test waits for it
            time.sleep(600)
        case "hang-once" if not path.exists():
            path.touch()
            time.sleep(600)
        case "take-a-moment":
            path.touch()
            time.sleep(0.3)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stumble":
            raise ValueError("secret")
        case "eat":
            _eaten.append(os.urandom(64 * 2**20))
    return RecognisedPage(10, 20, (RecognisedLine(str(os.getpid()), (0, 0, 9, 9), 0.9),), rotation=90)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), recognise)
