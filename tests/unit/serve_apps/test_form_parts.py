"""Forms as streams: the same parts however the bytes are cut, and a clean refusal of everything that is no form."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.files.form_parts import Event, PartBegins, PartData, PartEnds, boundary_of, form_events
from serve_apps.request_errors import BadRequest

FORM = (
    b"preamble\r\n--b\r\n"
    b'Content-Disposition: form-data; name="tags"\r\n\r\n["a"]\r\n--b\r\n'
    b'content-disposition: form-data; name="file"; filename="\xc3\xa4 %22x%22%0D.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nline\r\n--bline\r\n--b--\r\nepilogue"
)


async def cut(body: bytes, *lengths: int) -> AsyncIterator[bytes]:
    for length in lengths:
        yield body[:length]
        body = body[length:]
    yield body


async def events(body: bytes, *lengths: int, boundary: bytes = b"b") -> list[Event]:
    """The events, with data that follows data joined."""
    found: list[Event] = []
    async for event in form_events(cut(body, *lengths), boundary):
        if isinstance(event, PartData) and isinstance(found[-1], PartData):
            found[-1] = PartData(found[-1].data + event.data)
        else:
            found.append(event)
    return found


@given(st.lists(st.integers(1, 40), max_size=12))
async def test_the_parts_are_the_same_however_the_bytes_are_cut(lengths: list[int]) -> None:
    assert await events(FORM.removeprefix(b"preamble\r\n"), *lengths) == [
        PartBegins("tags", None, ""),
        PartData(b'["a"]'),
        PartEnds(),
        PartBegins("file", 'ä "x"\r.txt', "text/plain"),
        PartData(b"line\r\n--bline"),
        PartEnds(),
    ]


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda middle: FORM[10:60] + middle + FORM[80:]))
async def test_bytes_that_are_no_form_are_refused(body: bytes) -> None:
    try:
        found = await events(body)
    except BadRequest:
        return
    assert all(isinstance(event, PartBegins | PartData | PartEnds) for event in found)


async def test_a_form_that_ends_in_the_middle_is_refused() -> None:
    with pytest.raises(BadRequest):
        await events(FORM[:-20].removeprefix(b"preamble\r\n"))


async def test_headers_of_a_part_have_a_bound() -> None:
    for headers in (
        b"X-Long: " + b"x" * 20_000 + b"\r\n",
        b"".join(b"X-%d: %s\r\n" % (n, b"x" * 3000) for n in range(6)),
    ):
        with pytest.raises(BadRequest):
            await events(b"--b\r\n" + headers + b"\r\ndata\r\n--b--\r\n")


async def test_many_parts_with_headers_within_the_bound_are_read() -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="n"\r\nX: ' + b"x" * 3_000 + b"\r\n\r\nd\r\n"
    assert len(await events(part * 5 + b"--b--\r\n")) == 15


def test_other_bodies_have_no_boundary() -> None:
    assert boundary_of("application/pdf") is None
    assert boundary_of("") is None


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=" + "x" * 71, '; boundary="ä"'])
def test_a_form_without_a_good_boundary_is_refused(boundary: str) -> None:
    with pytest.raises(BadRequest):
        boundary_of(f"multipart/form-data{boundary}")


def test_a_boundary_may_be_quoted() -> None:
    assert boundary_of('Multipart/Form-Data; charset=utf-8; boundary="a b"') == b"a b"
