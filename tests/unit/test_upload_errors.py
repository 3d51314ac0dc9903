import pickle

import pytest

from storage.errors import MunimentError
from storage.upload_errors import (
    ArchiveUnsafe,
    ExtensionNotAllowed,
    FileTooLarge,
    InvalidFileName,
    MediaTypeMismatch,
    MediaTypeNotAllowed,
)

ERRORS = [
    InvalidFileName("is empty"),
    FileTooLarge(5, 3),
    FileTooLarge(None, 3),
    ExtensionNotAllowed(".exe"),
    ExtensionNotAllowed(""),
    MediaTypeNotAllowed("text/html"),
    MediaTypeMismatch("application/pdf", "image/png"),
    ArchiveUnsafe("ratio", "The archive unpacks to too much."),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_upload_error_survives_the_trip_between_processes(error: MunimentError) -> None:
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(arrived) is type(error)
    assert (str(arrived), vars(arrived)) == (str(error), vars(error))


def test_an_upload_error_says_what_was_wrong() -> None:
    assert [str(error) for error in ERRORS] == [
        "The file name is empty.",
        "The file has 5 bytes; this tenant allows 3.",
        "The file has more than 3 bytes, the most this tenant allows.",
        "This tenant does not store files with the extension '.exe'.",
        "This tenant does not store files with no extension.",
        "This tenant does not store files of type text/html.",
        "Name or declaration say application/pdf, the content is image/png.",
        "The archive unpacks to too much.",
    ]
