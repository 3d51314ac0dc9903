"""A download's bookkeeping, without a network."""

import hashlib

import httpx
import pytest

import muniment
from muniment.download import Download
from muniment.retries import RetryPolicy

CONTENT = b"0123456789"
ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'


def answer(status: int, etag: str = ETAG, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={"ETag": etag, **headers})


def download() -> Download:
    return Download("fs_1", RetryPolicy(attempts=2), None)


def test_the_etag_is_enough_to_verify_what_arrived() -> None:
    state = download()
    state.begin(answer(200))
    state.accept(b"9876543210")
    with pytest.raises(muniment.DownloadDamaged, match="SHA-256"):
        state.finish()


def test_the_rest_is_asked_for_under_the_same_validator() -> None:
    state = download()
    assert state.headers() == {}
    state.begin(answer(200))
    state.accept(CONTENT[:4])
    assert state.headers() == {"Range": "bytes=4-", "If-Range": ETAG}
    state.begin(answer(206))
    assert state.accept(CONTENT[4:]) == CONTENT[4:]
    state.finish()


def test_a_whole_answer_to_a_request_for_the_rest_is_not_written_twice() -> None:
    state = download()
    state.begin(answer(200))
    state.accept(CONTENT[:4])
    state.begin(answer(200))
    assert [state.accept(chunk) for chunk in (CONTENT[:3], CONTENT[3:])] == [b"", CONTENT[4:]]
    state.finish()


def test_bytes_of_two_files_are_never_mixed() -> None:
    state = download()
    state.begin(answer(200))
    state.accept(CONTENT[:4])
    with pytest.raises(muniment.DownloadDamaged, match="changed"):
        state.begin(answer(200, etag='"other"'))


def test_too_few_bytes_are_not_the_file() -> None:
    state = download()
    state.begin(answer(200, etag='"no-digest"', **{"Content-Length": "10"}))
    state.accept(CONTENT[:4])
    with pytest.raises(muniment.DownloadDamaged, match="4 bytes arrived of 10"):
        state.finish()


def test_a_download_gives_up_only_when_nothing_arrives() -> None:
    state = download()
    for status in (200, 206, 206, 206):
        state.begin(answer(status))
        state.accept(b"x")
        state.pause_after_failure("http://host", httpx.ReadError("broken"))
    with pytest.raises(muniment.ConnectionFailed):
        state.pause_after_failure("http://host", httpx.ReadError("broken"))
