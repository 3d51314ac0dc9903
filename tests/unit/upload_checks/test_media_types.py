import bz2
import gzip
import io
import json
import lzma
import os
import struct
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.upload_checks.media_types import Content, sniff, sniff_window
from storage.upload_checks.signatures import by_signature
from storage.upload_checks.windows import Window
from tests.unit.upload_checks.archive_samples import Part, raw_zip, tar_of, zip_of

PROGRAM = b"MZ" + bytes(58) + struct.pack("<I", 128) + bytes(64) + b"PE\0\0" + bytes(500)


def type_of(content: bytes) -> str:
    return sniff_window(Window.of_bytes(content)).media_type


def box(major: bytes, *compatible: bytes) -> bytes:
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", len(body) + 4) + body + bytes(100)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"GIF87a" + bytes(9), "image/gif"),
        (b"GIF89a" + bytes(9), "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "audio/x-wav"),
        (b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(40), "image/bmp"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"MM\0*\0\0\0\x08", "image/tiff"),
        (box(b"heic", b"mif1"), "image/heic"),
        (box(b"mif1", b"heic"), "image/heic"),
        (box(b"mif1", b"avif"), "image/avif"),
        (box(b"mif1", b"mif1"), "image/heif"),
        (box(b"avif"), "image/avif"),
        (box(b"qt  "), "video/quicktime"),
        (box(b"3gp4"), "video/3gpp"),
        (box(b"isom", b"mp42"), "video/mp4"),
        (b"%PDF-1.7\n%\xe2\xe3\n", "application/pdf"),
        (b"{\\rtf1 text}", "application/rtf"),
        (gzip.compress(b"x", mtime=0), "application/gzip"),
        (bz2.compress(b"x"), "application/x-bzip2"),
        (bz2.compress(b""), "application/x-bzip2"),
        (lzma.compress(b"x"), "application/x-xz"),
        (b"\x28\xb5\x2f\xfd\x04", "application/zstd"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "application/x-7z-compressed"),
        (b"Rar!\x1a\x07\x01\0", "application/vnd.rar"),
        (tar_of({"a": b"x"}), "application/x-tar"),
        (b"\x7fELF\x02\x01\x01", "application/x-executable"),
        (PROGRAM, "application/vnd.microsoft.portable-executable"),
        (b"\xcf\xfa\xed\xfe\x07", "application/x-mach-binary"),
        (b"\xca\xfe\xba\xbe\0\0\0\x02", "application/x-mach-binary"),
        (b"\xca\xfe\xba\xbe\0\0\0\x3d", "application/java-vm"),
        (b"SQLite format 3\0" + bytes(80), "application/vnd.sqlite3"),
        (b"PAR1\x15\x04", "application/vnd.apache.parquet"),
        (b"ID3\x04\0\0", "audio/mpeg"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"OggS\0\x02", "audio/ogg"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0", "image/jp2"),
        (b"8BPS\0\x01", "image/vnd.adobe.photoshop"),
    ],
)
def test_a_signature_proves_what_a_file_is(content: bytes, media_type: str) -> None:
    found = sniff_window(Window.of_bytes(content))
    assert (found.media_type, found.proven) == (media_type, True)


@pytest.mark.parametrize(
    "text",
    [
        "BMW builds cars.\n" * 3,
        "MZ is how programs begin.",
        "ID3 tags hold titles.",
        "PAR1 is a gene.",
        "OggS and fLaC",
        "RIFFs are played on guitars.",
        "BZh9 is bzip2's",
        "PK is a pair of letters",
    ],
)
def test_a_text_that_begins_like_a_signature_is_a_text(text: str) -> None:
    assert type_of(text.encode()) == "text/plain"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"plain words\n", "text/plain"),
        ("Grüße aus Köln".encode(), "text/plain"),
        ("Grüße aus Köln".encode("latin-1"), "text/plain"),
        ("こんにちは。世界".encode("shift_jis"), "text/plain"),
        ("こんにちは世界".encode("iso2022_jp"), "text/plain"),
        ("\ufeffmarked".encode(), "text/plain"),
        ("\ufeffmarked".encode("utf-16-le"), "text/plain"),
        ("\ufeffmarked".encode("utf-16-be"), "text/plain"),
        ("\ufeffmarked".encode("utf-32-le"), "text/plain"),
        ("no mark, but words\n".encode("utf-16-le"), "text/plain"),
        ("no mark, but words\n".encode("utf-16-be") + b"\0", "text/plain"),
        (b"\x1b[31mred\x1b[0m \x07bell\x08\x08" * 5, "text/plain"),
        (b"\x01\x02 mostly words that a terminal has recorded", "text/plain"),
        (b"<!DOCTYPE html><html></html>", "text/html"),
        (b"\xef\xbb\xbf\n <!-- hello --> <HTML lang=en>", "text/html"),
        (b"<?xml version='1.0'?>\n<html xmlns='x'/>", "text/html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"<?xml version='1.0'?><!-- x --><!DOCTYPE svg [ <!ENTITY a ''> ]><svg/>", "image/svg+xml"),
        (b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC 'x' 'y'>\n<svg width='1'/>", "image/svg+xml"),
        (b"<?xml version='1.0'?><feed/>", "application/xml"),
        (b' {"a": [1, 2]}\n', "application/json"),
        (b"[1, 2]", "application/json"),
        (b"{not json}", "text/plain"),
        (b"[" * 60_000, "text/plain"),
        (b"a,b\n1,2\n3,4\n", "text/csv"),
        (b'a;"b\nstill b"\n1;2\n3;4\n', "text/csv"),
        (b"a\tb\n1\t2\n3\t4\n", "text/csv"),
        (b"Dear you,\nall the best, me\n", "text/plain"),
        (b"\x01\x02\x03\x04\x05\x06" * 50, "application/octet-stream"),
        (b"\xff\x01\x02\x03\x04\x05\x06" * 50, "application/octet-stream"),
        (b"\xff\xfe\x00\xd8\x00\x00", "application/octet-stream"),
        (b"\x00\x01\x02\x03" * 9, "application/octet-stream"),
    ],
)
def test_text_is_told_from_what_is_none_and_the_kinds_that_can_be_told_apart(content: bytes, media_type: str) -> None:
    found = sniff_window(Window.of_bytes(content))
    assert (found.media_type, found.proven) == (media_type, False)


def test_json_is_only_what_was_read_to_its_end() -> None:
    assert type_of(json.dumps(["x" * 70_000]).encode()) == "text/plain"


def test_a_character_cut_off_at_the_end_of_what_is_read_does_not_matter() -> None:
    assert type_of(b"x" + "ü".encode() * 40_000) == "text/plain"


def test_a_text_full_of_comments_is_read_in_no_time() -> None:
    started = time.process_time()
    assert type_of(b"<!-- --> " * 7000) == "text/plain"
    assert time.process_time() - started < 1


def test_an_empty_file_is_empty() -> None:
    assert type_of(b"") == "application/x-empty"


def test_a_pdf_may_begin_a_little_later() -> None:
    pdf = b"%PDF-1.4\n1 0 obj\nendobj\n%%EOF\n"
    assert sniff_window(Window.of_bytes(b"HTTP/1.1 200 OK\n\n" + pdf)) == Content("application/pdf", False, False, True)
    assert sniff_window(Window.of_bytes(b"\0\1\2\3" * 9 + pdf[:-7])) == Content("application/pdf", False, False, True)
    text = sniff_window(Window.of_bytes(b"A PDF begins with %PDF-1.4, as we know."))
    assert (text.media_type, text.may_be_pdf) == ("text/plain", True)
    headless = sniff_window(Window.of_bytes(b"\0\1\2\3" * 300 + pdf[9:]))
    assert (headless.media_type, headless.may_be_pdf) == ("application/octet-stream", True)


def test_what_only_puremagic_knows_is_a_guess() -> None:
    guess = sniff_window(Window.of_bytes(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c" + bytes(90)))
    assert (guess.media_type, guess.proven) == ("video/x-ms-wmv", False)


def compound(*streams: str, shift: int = 9) -> bytes:
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    header[30:32] = struct.pack("<H", shift)
    entries = b""
    for name in streams:
        encoded = (name + "\0").encode("utf-16-le")
        entries += encoded.ljust(64, b"\0") + struct.pack("<H", len(encoded)) + bytes(62)
    return bytes(header) + entries


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (compound("Root Entry", "WordDocument"), "application/msword"),
        (compound("Root Entry", "Workbook"), "application/vnd.ms-excel"),
        (compound("Root Entry", "PowerPoint Document"), "application/vnd.ms-powerpoint"),
        (compound("Root Entry", "__properties_version1.0"), "application/vnd.ms-outlook"),
        (compound("Root Entry", "EncryptedPackage"), "application/x-encrypted-ooxml"),
        (compound("Root Entry", "Something"), "application/x-ole-storage"),
        (compound("WordDocument", shift=60), "application/x-ole-storage"),
        (compound()[:100], "application/x-ole-storage"),
    ],
)
def test_compound_files_are_told_apart_by_their_streams(content: bytes, media_type: str) -> None:
    assert type_of(content) == media_type


def test_archives_are_marked_to_be_looked_through() -> None:
    for archive in (zip_of({"a": b"x"}), tar_of({"a": b"x"}), gzip.compress(b"x", mtime=0), b"7z\xbc\xaf\x27\x1c"):
        assert sniff_window(Window.of_bytes(archive)).is_archive
    assert not sniff_window(Window.of_bytes(b"text")).is_archive


def test_an_archive_behind_something_else_is_marked_whatever_that_is() -> None:
    script = sniff_window(Window.of_bytes(raw_zip(Part(b"a", b"x"), prefix=b"#!/usr/bin/python\n")))
    assert script == Content("application/zip", proven=False, is_archive=True)
    program = sniff_window(Window.of_bytes(raw_zip(Part(b"a", b"x"), prefix=PROGRAM)))
    assert program.is_archive
    assert program.media_type == "application/vnd.microsoft.portable-executable"


def test_an_end_record_that_leads_nowhere_makes_no_archive() -> None:
    assert not sniff_window(Window.of_bytes(b"text" + raw_zip(Part(b"a", b"x"))[-22:])).is_archive


def test_a_file_is_read_from_disk(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a", os.urandom(100_000))
    path = tmp_path / "a.bin"
    path.write_bytes(held.getvalue())
    assert sniff(path) == Content("application/zip", proven=True, is_archive=True)


@given(st.binary(max_size=2000))
def test_whatever_the_bytes_there_is_an_answer(content: bytes) -> None:
    assert "/" in type_of(content)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=500))
def test_any_text_without_controls_is_text_or_a_kind_of_it(text: str) -> None:
    encoded = text.encode()
    if by_signature(encoded) is None:
        assert type_of(encoded) in {"text/plain", "text/csv", "text/html", "application/xml", "application/json"} | {
            "image/svg+xml",
            "application/pdf",
        }


@given(st.integers(0, 40), st.integers(0, 40), st.binary(max_size=100))
def test_a_window_reads_what_a_slice_reads(offset: int, size: int, data: bytes) -> None:
    window = Window.of_bytes(b"before" + data + b"after").part(6, len(data))
    assert window.read(offset, size) == data[offset : offset + size]
    assert window.read(-1, size) == b""
    assert window.tail(size) == data[len(data) - min(size, len(data)) :]
    assert b"".join(window.chunks()) == data
