import bz2
import gzip
import io
import lzma
import os
import struct
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.upload_checks.archives import look_through
from storage.upload_checks.windows import Window
from tests.unit.upload_checks.archive_samples import (
    DEFLATED,
    LINK_ATTRIBUTES,
    UNIX,
    Part,
    deflated,
    docx,
    limits,
    nested_zip,
    raw_zip,
    refusal,
    tar_of,
    zip_of,
)

MEBI = 2**20


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=str
)
def test_an_ordinary_archive_passes_whatever_packs_it(method: int) -> None:
    assert refusal(zip_of({"a.txt": b"hello " * 500, "folder/b.bin": os.urandom(3000), "empty": b""}, method)) is None


def test_an_empty_archive_passes() -> None:
    assert refusal(zip_of({})) is None


def test_an_archive_written_as_a_stream_with_data_descriptors_passes() -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise io.UnsupportedOperation

    held = Unseekable()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"streamed" * 1000)
    assert refusal(held.getvalue()) is None


@pytest.mark.parametrize("prefix", [b"MZ a program that unpacks itself" * 9, b"#!/bin/sh\nexit\n"], ids=["exe", "sh"])
@pytest.mark.parametrize("zip64", [False, True])
def test_what_stands_before_an_archive_does_not_matter(prefix: bytes, *, zip64: bool) -> None:
    assert refusal(raw_zip(Part(b"a", b"aa"), prefix=prefix, zip64=zip64)) is None
    assert refusal(raw_zip(Part(b"../a", b"aa"), prefix=prefix, zip64=zip64)) == "traversal"


def test_a_comment_or_something_behind_the_archive_does_not_matter() -> None:
    assert refusal(raw_zip(Part(b"a", b"aa"), comment=b"PK\x05\x06 it says")) is None
    assert refusal(raw_zip(Part(b"a", b"aa")) + b"\0" * 100) is None


def test_a_directory_that_is_followed_by_a_signature_passes() -> None:
    assert refusal(raw_zip(Part(b"a", b"aa"), after_directory=b"PK\x05\x05\x02\x00ok")) is None


def test_a_zip64_archive_passes() -> None:
    extra = struct.pack("<2H2Q", 1, 16, 2, 2)
    wide = Part(b"a", b"aa", extra=extra, local_extra=extra, size=0xFFFFFFFF, packed_size=0xFFFFFFFF)
    assert refusal(raw_zip(wide, zip64=True)) is None


def test_extra_fields_that_an_aligner_padded_pass() -> None:
    assert refusal(raw_zip(Part(b"a", b"aa", extra=b"\0\0\0"))) is None
    assert refusal(raw_zip(Part(b"a", b"aa", extra=b"\1\0\xff\xff"))) is None


def test_names_in_chinese_and_japanese_encodings_pass_although_they_hold_backslashes() -> None:
    names = "表示/十能.txt".encode("cp932"), "测试\\文件.txt".encode("gbk")
    assert b"\\" in names[0]
    assert refusal(raw_zip(*(Part(name, b"x") for name in names))) is None


def test_a_directory_listed_twice_passes() -> None:
    assert refusal(raw_zip(Part(b"META-INF/"), Part(b"META-INF/"), Part(b"META-INF/MANIFEST.MF", b"x"))) is None


def test_a_flat_bomb_is_refused_by_its_ratio_before_anything_is_unpacked() -> None:
    assert refusal(zip_of({"zeros": bytes(4 * MEBI)})) == "ratio"


def test_small_content_may_have_any_ratio() -> None:
    assert refusal(zip_of({"zeros": bytes(200_000)})) is None


def test_an_archive_that_unpacks_to_too_much_is_refused_for_its_size_first() -> None:
    assert refusal(zip_of({"zeros": bytes(2 * MEBI)}), max_uncompressed_bytes=MEBI) == "uncompressed-size"


def test_sizes_add_up_over_nested_archives() -> None:
    inner = zip_of({"noise": os.urandom(60_000)})
    outer = zip_of({"1.zip": inner, "2.zip": inner})
    assert refusal(outer, max_uncompressed_bytes=250_000) is None
    assert refusal(outer, max_uncompressed_bytes=200_000) == "uncompressed-size"


@pytest.mark.parametrize("method", [0, DEFLATED])
def test_content_that_is_larger_than_it_says_is_refused_without_being_unpacked_to_its_end(method: int) -> None:
    assert refusal(raw_zip(Part(b"a", bytes(MEBI), method, size=10))) == "corrupt"


@pytest.mark.parametrize(
    "part",
    [
        Part(b"a", b"short", size=10),
        Part(b"a", b"short", DEFLATED, size=10),
        Part(b"a", b"sum", crc=1),
        Part(b"a", b"what", DEFLATED, packed=b"\xff\xff\xff\xff"),
        Part(b"a", b"what" * 99, DEFLATED, packed=deflated(b"what" * 99)[:-2]),
        Part(b"a", b"what", 12, packed=b"BZh9 and nothing that bzip2 knows"),
    ],
)
def test_content_that_is_not_what_the_directory_says_is_corrupt(part: Part) -> None:
    assert refusal(raw_zip(part)) == "corrupt"


@pytest.mark.parametrize(
    "part",
    [
        Part(b"a", b"x", local_name=b"b"),
        Part(b"a", b"x", local_method=DEFLATED),
        Part(b"a", b"x", local_flags=1),
        Part(b"a", b"x", local_size=7),
        Part(b"a", b"x", local_name=b"masked", local_flags=1 << 13),
    ],
)
def test_a_local_header_that_contradicts_the_directory_is_corrupt(part: Part) -> None:
    assert refusal(raw_zip(part)) == "corrupt"


def test_a_local_header_that_is_not_there_is_corrupt() -> None:
    assert refusal(raw_zip(Part(b"b", offset=0), before_directory=b"x" * 99)) == "corrupt"
    assert refusal(raw_zip(Part(b"a", b"x"), Part(b"b", offset=32), before_directory=b"PK")) == "corrupt"


@pytest.mark.parametrize(
    "archive",
    [
        raw_zip(Part(b"a", b"x"), count=2),
        raw_zip(Part(b"a", b"x"), Part(b"b", b"x"), count=1),
        raw_zip(Part(b"a", b"x"), count=2, zip64=True),
        raw_zip(Part(b"a", b"x"), offset_shift=5),
        raw_zip(Part(b"a", b"x"), disk=1),
        raw_zip(Part(b"a", b"x"))[:-30],
        raw_zip(Part(b"a", b"x"))[:40],
        raw_zip(Part(b"a", b"x"), zip64=True).replace(b"PK\x06\x06", b"PK\x06\x05"),
        raw_zip(Part(b"a", b"x"), zip64=True).replace(
            struct.pack("<4s4H", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF), struct.pack("<4s4H", b"PK\x05\x06", 0, 0, 3, 3)
        ),
    ],
)
def test_a_directory_that_contradicts_itself_is_corrupt(archive: bytes) -> None:
    assert refusal(archive) == "corrupt"


def test_a_directory_with_something_else_in_it_is_corrupt() -> None:
    archive = bytearray(raw_zip(Part(b"a", b"x"), Part(b"b", b"x")))
    second = archive.rindex(b"PK\x01\x02")
    archive[second : second + 4] = b"what"
    assert refusal(bytes(archive)) == "corrupt"


def test_entries_that_share_their_bytes_are_refused() -> None:
    kernel = Part(b"a", b"x" * 1000, DEFLATED)
    copies = [Part(b"a", b"x" * 1000, DEFLATED, offset=0) for _ in range(5)]
    for number, copy in enumerate(copies):
        copy.name = b"copy%d" % number
    assert refusal(raw_zip(kernel, *copies)) == "overlap"


def test_quoted_local_headers_are_an_overlap() -> None:
    """Each stored block of deflate quotes the next entry's local header: Fifield's way to a bomb without nesting."""
    last = Part(b"b", b"z" * 1000, DEFLATED).local()
    quoted = b"\x00" + struct.pack("<2H", len(last) - 17, (len(last) - 17) ^ 0xFFFF)
    first = Part(b"a", b"q", DEFLATED, packed=quoted + last)
    archive = raw_zip(first, Part(b"b", b"z" * 1000, DEFLATED, offset=30 + 1 + len(quoted)))
    assert refusal(archive) == "overlap"


def test_an_entry_that_reaches_into_the_directory_is_an_overlap() -> None:
    assert refusal(raw_zip(Part(b"a", b"x" * 10, packed_size=60, size=60))) == "overlap"


@pytest.mark.parametrize(
    "name",
    [
        *(
            b"../a",
            b"a/../../b",
            b"..\\a",
            b"a\\..\\b",
            b"/etc/passwd",
            b"\\windows",
            b"C:\\a",
            b"c:a",
            b"a/.. /b",
            b"..",
        ),
        *(b"\\\\server\\share", b"a/.."),
    ],
)
def test_a_name_that_leads_out_is_refused(name: bytes) -> None:
    assert refusal(raw_zip(Part(name, b"x"))) == "traversal"


def test_a_name_in_an_extra_field_is_looked_at_as_well() -> None:
    name = b"../evil"
    extra = struct.pack("<2HBL", 0x7075, 5 + len(name), 1, 0) + name
    assert refusal(raw_zip(Part(b"a", b"x", extra=extra))) == "traversal"


def unicode_path(name: bytes) -> bytes:
    return struct.pack("<2HBL", 0x7075, 5 + len(name), 1, 0) + name


def test_all_names_in_extra_fields_are_looked_at() -> None:
    ok, evil = unicode_path(b"ok"), unicode_path(b"../evil")
    assert refusal(raw_zip(Part(b"a", b"x", extra=evil + ok))) == "traversal"
    assert refusal(raw_zip(Part(b"a", b"x", extra=ok + evil))) == "traversal"


def test_a_name_in_an_extra_field_takes_a_place_like_any_other() -> None:
    assert refusal(raw_zip(Part(b"a", b"x", extra=unicode_path(b"a")), Part(b"b", b"y"))) is None
    assert refusal(raw_zip(Part(b"a", b"x", extra=unicode_path(b"b")), Part(b"b", b"y"))) == "duplicate-name"
    beneath = Part(b"b", b"y", extra=unicode_path(b"other/file"))
    assert refusal(raw_zip(beneath, Part(b"l", b".", attributes=LINK_ATTRIBUTES, extra=unicode_path(b"other")))) == (
        "traversal"
    )


def test_a_local_header_has_no_name_that_the_directory_does_not_have() -> None:
    """Who reads an archive as a stream sees the local ones only."""
    name = unicode_path(b"ok")
    assert refusal(raw_zip(Part(b"a", b"x", extra=name, local_extra=name))) is None
    assert refusal(raw_zip(Part(b"a", b"x", extra=name, local_extra=unicode_path(b"../evil")))) == "corrupt"


def test_sizes_are_said_once_and_alike() -> None:
    full, right, wrong = 0xFFFFFFFF, struct.pack("<2H2Q", 1, 16, 2, 2), struct.pack("<2H2Q", 1, 16, 2, 3)
    for extra, local_extra in ((right + wrong, right), (right, right + right), (right, wrong), (right, b"")):
        wide = Part(b"a", b"aa", extra=extra, local_extra=local_extra, size=full, packed_size=full)
        assert refusal(raw_zip(wide)) == "corrupt"


def test_an_archive_in_the_comment_of_another_is_corrupt() -> None:
    """Readers that look for the end from different sides would open different archives."""
    inner = zip_of({"a": b"x"})
    assert refusal(raw_zip(Part(b"b", b"y"), comment=inner)) == "corrupt"
    assert refusal(b"\x89PNG\r\n\x1a\n" + raw_zip(Part(b"b", b"y"), comment=inner)) == "corrupt"


@pytest.mark.parametrize(
    "other",
    [
        gzip.compress(b"x"),
        bz2.compress(b"x"),
        lzma.compress(b"x"),
        tar_of({"a": b"x"}),
        b"7z\xbc\xaf\x27\x1c" + bytes(40),
    ],
    ids=["gzip", "bzip2", "xz", "tar", "7z"],
)
def test_what_begins_as_another_archive_and_ends_as_a_zip_is_both(other: bytes) -> None:
    both = other + raw_zip(Part(b"../evil", b"x"))
    assert refusal(both) == "traversal"
    assert refusal(zip_of({"inner": both}, zipfile.ZIP_STORED)) == "traversal"
    assert refusal(other + zip_of({"a": b"x"}), max_nesting_depth=0) is None


@pytest.mark.parametrize("name", [b"...", b"a..b", b"..a", b"a/...", b"./a", b"a//b", b"ab:c", "ä…".encode()])
def test_a_name_with_dots_and_colons_that_stays_inside_passes(name: bytes) -> None:
    assert refusal(raw_zip(Part(name, b"x"))) is None


def test_a_zero_byte_in_a_name_is_corrupt() -> None:
    assert refusal(raw_zip(Part(b"a.txt\0.exe", b"x"))) == "corrupt"


@pytest.mark.parametrize(("one", "other"), [(b"a", b"a"), (b"a/b", b"a\\b"), (b"a/b", b"./a//b"), (b"a", b"a/")])
def test_two_entries_for_one_place_are_refused(one: bytes, other: bytes) -> None:
    assert refusal(raw_zip(Part(one, b"x"), Part(other, b"" if other.endswith(b"/") else b"y"))) == "duplicate-name"


def link(name: bytes, target: bytes) -> Part:
    return Part(name, target, attributes=LINK_ATTRIBUTES)


@pytest.mark.parametrize("target", [b"../x", b"/etc/passwd", b"a/../../x", b"C:\\x", b"..\\x", b"b/.."])
def test_a_link_that_may_point_out_is_refused(target: bytes) -> None:
    assert refusal(raw_zip(link(b"link", target))) == "traversal"


def test_links_that_stay_inside_pass_as_frameworks_have_them() -> None:
    assert refusal(raw_zip(Part(b"V/A/F", b"x"), link(b"V/Current", b"A"), link(b"F", b"V/Current/F"))) is None
    assert refusal(raw_zip(Part(b"lib/a.so.1", b"x"), link(b"bin/x/a.so", b"../../lib/a.so.1"))) is None


def test_an_entry_beneath_a_link_is_refused_in_whatever_order() -> None:
    assert refusal(raw_zip(link(b"d", b"."), Part(b"d/e/f", b"x"))) == "traversal"
    assert refusal(raw_zip(Part(b"d/e", b"x"), link(b"d", b"."))) == "traversal"


def test_deep_names_and_links_take_no_more_time_than_others() -> None:
    deep = b"a/" * 20_000
    parts = [Part(deep + str(number).encode()) for number in range(50)]
    started = time.process_time()
    assert refusal(raw_zip(link(b"l", b"x"), *parts)) is None
    assert time.process_time() - started < 10


def test_a_link_that_does_not_tell_where_it_points_is_refused() -> None:
    encrypted = Part(b"link", b"target", attributes=LINK_ATTRIBUTES, flags=1)
    assert refusal(raw_zip(encrypted), allow_encrypted=True) == "traversal"
    assert refusal(raw_zip(link(b"link", b"x" * 5000))) == "traversal"


def test_attributes_of_other_systems_make_no_link() -> None:
    assert refusal(raw_zip(Part(b"a", b"../x", attributes=LINK_ATTRIBUTES, made_by=0))) is None
    assert UNIX


@pytest.mark.parametrize(
    "part",
    [
        Part(b"a", b"secret", flags=1),
        Part(b"a", b"secret", flags=1, method=99, packed=b"secret"),
        Part(b"a", b"secret", flags=1 << 6),
        Part(b"a", b"secret", 99, packed=b"secret", extra=struct.pack("<2H7s", 0x9901, 7, b"\1\0AE\3\0\0")),
    ],
)
def test_encrypted_entries_are_refused_unless_they_are_allowed(part: Part) -> None:
    assert refusal(raw_zip(part)) == "encrypted"
    assert refusal(raw_zip(part), allow_encrypted=True) is None


def test_what_encrypted_entries_say_they_unpack_to_counts() -> None:
    part = Part(b"a", b"secret", flags=1, size=2**32 - 2)
    assert refusal(raw_zip(part), allow_encrypted=True, max_uncompressed_bytes=2**31) == "uncompressed-size"


def test_entries_are_counted_over_all_levels() -> None:
    inner = zip_of({f"{number}": b"" for number in range(8)})
    assert refusal(zip_of({"a.zip": inner, "b": b""}), max_entries=10) is None
    assert refusal(zip_of({"a.zip": inner, "b": b"", "c": b""}), max_entries=10) == "entries"


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_archives_may_be_nested_as_deep_as_allowed_and_no_deeper(depth: int) -> None:
    assert refusal(nested_zip(depth), max_nesting_depth=depth) is None
    assert refusal(nested_zip(depth + 1), max_nesting_depth=depth) == "nesting-depth"


def test_a_document_that_is_a_zip_is_a_level_of_nesting() -> None:
    assert refusal(docx(), max_nesting_depth=0) is None
    assert refusal(zip_of({"a.docx": docx()}), max_nesting_depth=0) == "nesting-depth"


def test_an_archive_inside_is_found_by_content_not_by_name() -> None:
    assert refusal(zip_of({"holiday.jpg": nested_zip(0)}), max_nesting_depth=0) == "nesting-depth"
    assert refusal(zip_of({"not.zip": b"just text"}), max_nesting_depth=0) is None


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_behind_a_program_inside_is_found(method: int) -> None:
    sample = raw_zip(Part(b"../a", b"x"), prefix=b"MZ" + bytes(70) + b"a program")
    assert refusal(zip_of({"setup.exe": sample}, method)) == "traversal"
    assert refusal(zip_of({"setup.exe": sample}, method), max_nesting_depth=0) == "nesting-depth"


@pytest.mark.parametrize(
    "head", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x01\0", b"\x28\xb5\x2f\xfd", b"MSCF\0\0\0\0"], ids=repr
)
def test_archives_that_cannot_be_opened_here_are_a_level_too(head: bytes) -> None:
    assert refusal(head + bytes(100), max_nesting_depth=0) is None
    assert refusal(zip_of({"inner": head + bytes(100)}), max_nesting_depth=1) is None
    assert refusal(zip_of({"inner": head + bytes(100)}), max_nesting_depth=0) == "nesting-depth"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_fault_deep_inside_is_found(method: int) -> None:
    bad = raw_zip(Part(b"a", b"x"), Part(b"a", b"y"))
    assert refusal(zip_of({"1.zip": zip_of({"2.zip": bad}, method)}, method)) == "duplicate-name"


def test_an_archive_that_contains_itself_is_refused_by_depth() -> None:
    """What a quine does, by hand: each level lists the bytes of the next."""
    assert refusal(nested_zip(12), max_nesting_depth=3) == "nesting-depth"


def test_a_packed_archive_inside_that_is_too_large_for_memory_is_refused() -> None:
    outer = zip_of({"inner.zip": zip_of({"noise": os.urandom(300_000)})})
    assert refusal(outer, max_buffered_bytes=100_000) == "uncompressed-size"
    stored = zip_of({"inner.zip": zip_of({"noise": os.urandom(300_000)})}, zipfile.ZIP_STORED)
    assert refusal(stored, max_buffered_bytes=100_000) is None


def test_packed_content_that_is_no_archive_needs_no_memory() -> None:
    assert refusal(zip_of({"noise": os.urandom(600_000)}), max_buffered_bytes=100_000) is None


def test_time_is_looked_at_for_entries_that_hold_nothing() -> None:
    assert refusal(raw_zip(*(Part(str(number).encode()) for number in range(50))), max_seconds=0) == "uncompressed-size"


def test_looking_through_ends_when_its_time_is_up() -> None:
    assert refusal(zip_of({"noise": os.urandom(600_000)}), max_seconds=-1) == "uncompressed-size"


def test_a_file_that_is_no_archive_is_not_looked_through() -> None:
    look_through(Window.of_bytes(b"just text"), limits())


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=3000),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6),
    st.sampled_from([b"a", "表".encode("cp932")]),
)
def test_whatever_is_damaged_the_answer_is_a_refusal_or_none_and_never_an_exception(
    content: bytes, damage: list[tuple[int, int]], name: bytes
) -> None:
    archive = bytearray(
        raw_zip(Part(name, content, DEFLATED), Part(b"n.zip", nested_zip(1), DEFLATED), zip64=len(content) % 2 == 0)
    )
    for place, value in damage:
        archive[-1 - place % len(archive)] = value
    refusal(bytes(archive))


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}(/[a-z ]{1,8}\.[a-z]{3})?", fullmatch=True),
        # Not by chance the beginning of an archive, which ends too early to be one.
        st.binary(max_size=500).map(lambda content: b"." + content),
        max_size=5,
    ),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]),
)
def test_whatever_the_standard_library_writes_passes(entries: dict[str, bytes], method: int) -> None:
    assert refusal(zip_of(entries, method)) is None
