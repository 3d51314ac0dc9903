import io
import os

import pytest

from muniment.local.up import tell


def test_telling_somebody_who_has_gone_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance whose output nobody reads any more must still stop when it is asked to."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with io.TextIOWrapper(io.FileIO(write_end, "w"), write_through=True) as nobody:  # unbuffered
        monkeypatch.setattr("sys.stdout", nobody)
        with pytest.raises(BrokenPipeError):
            print("Stopping", flush=True)  # noqa: T201
        tell("Stopping")
