import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.upload_checks.tar_members import ByteStream, tar_members
from storage.upload_checks.windows import CHUNK_BYTES
from tests.unit.upload_checks.archive_samples import nested_zip, refusal, tar_of, tar_with, zip_of

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
LONG = "/".join(["folder" * 8] * 5) + "/file.txt"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("tar_format", FORMATS)
def test_an_ordinary_tar_passes_however_packed(mode: str, tar_format: int) -> None:
    entries = {"./a.txt": b"hello" * 300, "b/c": os.urandom(70_000), "empty": b"", LONG[:200]: b"long"}
    assert refusal(tar_of(entries, mode, tar_format)) is None


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("start", ["", "../"])
def test_long_names_are_read_in_every_dialect(tar_format: int, start: str) -> None:
    assert refusal(tar_of({start + LONG: b"x"}, tar_format=tar_format)) == ("traversal" if start else None)
    assert refusal(tar_of({start + "ü" * 20 + LONG: b"x"}, tar_format=tar_format)) == ("traversal" if start else None)


@pytest.mark.parametrize("start", ["", "../"])
def test_a_name_continued_in_the_prefix_field_is_read(start: str) -> None:
    name = start + "folder/" * 20 + "file"
    assert refusal(tar_of({name: b"x"}, tar_format=tarfile.USTAR_FORMAT)) == ("traversal" if start else None)


def test_a_tar_that_replaces_its_own_members_passes() -> None:
    one = tarfile.TarInfo("a")
    assert refusal(tar_with(one, one)) is None


def test_a_tar_without_its_last_blocks_passes_and_one_cut_within_a_member_does_not() -> None:
    whole = tar_of({"a": b"x" * 600})
    assert refusal(whole[:1536]) is None
    assert refusal(whole[:1000]) == "corrupt"


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


@pytest.mark.parametrize(
    "bad",
    [
        member("/etc/passwd"),
        member("../a"),
        member("a", tarfile.SYMTYPE, "/etc/passwd"),
        member("a/b", tarfile.SYMTYPE, "../../x"),
        member("a", tarfile.LNKTYPE, "../x"),
        member("a", tarfile.LNKTYPE, "/etc/shadow"),
    ],
)
def test_a_member_or_link_that_leads_out_is_refused(bad: tarfile.TarInfo) -> None:
    assert refusal(tar_with(member("fine"), bad)) == "traversal"


def test_links_that_stay_inside_pass_and_nothing_may_lie_beneath_them() -> None:
    folder, inside = member("d", tarfile.DIRTYPE), member("d/l", tarfile.SYMTYPE, "../f")
    assert refusal(tar_with(folder, inside, member("f"), member("h", tarfile.LNKTYPE, "f"))) is None
    assert refusal(tar_with(member("d", tarfile.SYMTYPE, "."), member("d/x"))) == "traversal"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_archives_in_a_tar_are_levels_of_nesting_and_its_packing_is_none(mode: str) -> None:
    assert refusal(tar_of({"a": b"x"}, mode), max_nesting_depth=0) is None
    assert refusal(tar_of({"a.zip": nested_zip(0)}, mode), max_nesting_depth=1) is None
    assert refusal(tar_of({"a.zip": nested_zip(0)}, mode), max_nesting_depth=0) == "nesting-depth"
    assert refusal(tar_of({"a.tar": tar_of({"b": b"x"})}, mode), max_nesting_depth=0) == "nesting-depth"


def test_a_packed_file_is_an_archive_with_one_entry() -> None:
    assert refusal(gzip.compress(b"text"), max_nesting_depth=0, max_entries=1) is None
    assert refusal(gzip.compress(gzip.compress(b"text")), max_nesting_depth=0) == "nesting-depth"
    assert refusal(gzip.compress(nested_zip(0)), max_nesting_depth=1) is None
    assert (
        refusal(zip_of({"a.tar.gz": tar_of({"b.zip": nested_zip(0)}, "w:gz")}), max_nesting_depth=1) == "nesting-depth"
    )
    assert refusal(zip_of({"a.tar.gz": tar_of({"b.zip": nested_zip(0)}, "w:gz")}), max_nesting_depth=2) is None
    assert refusal(tar_of({"b.gz": gzip.compress(b"x")}), max_nesting_depth=0) == "nesting-depth"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_bomb_is_refused_while_it_unpacks(pack: object) -> None:
    assert callable(pack)
    bomb = pack(bytes(4 * 2**20))
    assert refusal(bomb) == "ratio"
    assert refusal(bomb, max_uncompressed_bytes=100_000) == "uncompressed-size"
    assert refusal(zip_of({"bomb": bomb})) == "ratio"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_members_that_follow_are_unpacked_too_and_what_else_follows_is_left_alone(pack: object) -> None:
    assert callable(pack)
    harmless, bomb = pack(b"harmless"), pack(bytes(4 * 2**20))
    assert refusal(harmless + harmless + b"\0" * 8) is None
    assert refusal(harmless + b"trailing") is None
    assert refusal(harmless + b"\0" * 4 + bomb) == "ratio"


def test_a_member_that_begins_in_the_next_chunk_is_unpacked_too() -> None:
    first, bomb = gzip.compress(b"harmless"), gzip.compress(bytes(4 * 2**20))
    for padding in (CHUNK_BYTES - len(first), CHUNK_BYTES - len(first) - 1):
        assert refusal(first + bytes(padding) + bomb, max_compression_ratio=10) == "ratio"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_content_that_is_cut_or_damaged_is_corrupt(pack: object) -> None:
    assert callable(pack)
    packed = pack(os.urandom(5000))
    assert refusal(packed[:-20]) == "corrupt"
    assert refusal(packed[:400] + bytes(200) + packed[600:]) == "corrupt"


def test_a_damaged_header_or_number_is_corrupt() -> None:
    whole = bytearray(tar_of({"a": b"x", "b": b"y"}))
    whole[1024 + 3] ^= 1
    assert refusal(bytes(whole)) == "corrupt"
    assert refusal(block(size=b"12x45678901\0")) == "corrupt"


def block(
    name: bytes = b"a", size: bytes = b"00000000000\0", kind: bytes = b"0", rest: dict[int, bytes] | None = None
) -> bytes:
    """One header, its checksum right whatever it says."""
    made = bytearray(512)
    for place, value in {0: name, 124: size, 148: b" " * 8, 156: kind, 257: b"ustar  \0", **(rest or {})}.items():
        made[place : place + len(value)] = value
    made[148:156] = b"%06o\0 " % sum(made)
    return bytes(made)


def test_sizes_in_base_256_are_read() -> None:
    huge = b"\x80" + (2**40).to_bytes(11, "big")
    assert refusal(block(size=b"\x80" + (3).to_bytes(11, "big")) + b"xyz" + bytes(509)) is None
    assert refusal(block(size=huge)) == "corrupt"  # there are not so many


@pytest.mark.parametrize("signed", [False, True])
def test_checksums_of_old_and_of_signed_kind_hold(*, signed: bool) -> None:
    made = bytearray(block(name="ü".encode("latin-1")))
    made[148:156] = b" " * 8
    total = sum(struct.unpack("512b", made)) if signed else sum(made)
    made[148:156] = b"%06o\0 " % total
    assert refusal(bytes(made) + block(name=b"../x")) == "traversal"


def sparse(real: int, *, extended: int = 0) -> bytes:
    header = block(kind=b"S", rest={482: b"\1" if extended else b"\0", 483: b"%011o\0" % real})
    maps = b"".join(bytes(504) + (b"\1" if left else b"\0") + bytes(7) for left in reversed(range(extended)))
    return header + maps


def test_the_holes_of_sparse_files_count() -> None:
    assert refusal(sparse(1000)) is None
    assert refusal(sparse(1000, extended=3) + block(name=b"../x")) == "traversal"
    assert refusal(sparse(2**30)) == "ratio"
    assert refusal(pax({"GNU.sparse.realsize": str(2**40)}) + block()) == "uncompressed-size"


def pax(said: dict[str, str], kind: bytes = b"x") -> bytes:
    records = b""
    for keyword, value in said.items():
        body = f" {keyword}={value}\n".encode()
        length = len(body) + 1
        while len(str(length)) + len(body) != length:
            length += 1
        records += str(length).encode() + body
    return block(size=b"%011o\0" % len(records), kind=kind) + records + bytes(-len(records) % 512)


def test_what_pax_headers_say_goes_before_what_the_member_says() -> None:
    assert refusal(pax({"path": "../x"}) + block()) == "traversal"
    assert refusal(pax({"GNU.sparse.name": "../x", "path": "x"}) + block()) == "traversal"
    assert refusal(pax({"linkpath": "/x"}) + block(kind=b"2")) == "traversal"
    assert refusal(pax({"size": "512"}) + block() + bytes(512) + block(name=b"../x")) == "traversal"
    assert refusal(pax({"path": "../x"}) + pax({"path": "fine"}) + block(name=b"fine")) == "corrupt"
    assert refusal(pax({"mtime": "1.5", "comment": "a=b"}) + block()) is None


@pytest.mark.parametrize("kind", [b"x", b"X"])
def test_names_that_only_some_readers_take_are_looked_at_too(kind: bytes) -> None:
    """`X` is Solaris' kind of pax header; old readers take no such header for one, and the member's own name."""
    assert refusal(pax({"path": "../evil"}, kind) + block()) == "traversal"
    assert refusal(pax({"path": "../evil", "GNU.sparse.name": "ok"}, kind) + block()) == "traversal"
    assert refusal(pax({"path": "ok"}, kind) + block(name=b"../evil")) == "traversal"
    assert refusal(pax({"linkpath": "ok"}, kind) + block(kind=b"2", rest={157: b"../../evil"})) == "traversal"
    assert refusal(pax({"path": "ok", "linkpath": "ok2"}, kind) + block(kind=b"2")) is None


def test_a_header_of_many_records_is_read_in_time() -> None:
    started = time.process_time()
    records = b"5 a=\n" * 200_000
    header = block(size=b"%011o\0" % len(records), kind=b"x") + records + bytes(-len(records) % 512)
    assert refusal(header + block()) is None
    assert time.process_time() - started < 10


def test_what_is_said_of_one_member_is_not_said_of_the_next() -> None:
    assert refusal(pax({"size": "0"}) + block() + block() + block(name=b"../x")) == "traversal"


def test_a_global_header_may_not_name_or_size_members() -> None:
    assert refusal(pax({"comment": "a commit"}, b"g") + block()) is None
    for keyword in ("path", "linkpath", "size"):
        assert refusal(pax({keyword: "1"}, b"g") + block()) == "corrupt"


@pytest.mark.parametrize(
    "records", [b"nonsense", b"9 path=ab!", b"99 path=a\n", b"7 path\n", b"99999999 path=a\n", b"0 a=b\n", b"5 a=b\n"]
)
def test_a_damaged_pax_header_is_corrupt(records: bytes) -> None:
    header = block(size=b"%011o\0" % len(records), kind=b"x")
    assert refusal(header + records + bytes(-len(records) % 512) + block()) == "corrupt"


def test_a_pax_number_that_is_none_is_corrupt() -> None:
    assert refusal(pax({"size": "-5"}) + block()) == "corrupt"
    assert refusal(pax({"size": "1" * 20}) + block()) == "corrupt"


def test_a_header_that_wants_too_much_memory_is_corrupt() -> None:
    assert refusal(block(size=b"00007777777\0", kind=b"L")) == "corrupt"


def test_members_without_data_have_none_whatever_their_size_says() -> None:
    folder = block(name=b"d/", size=b"00000001000\0", kind=b"5")
    assert refusal(folder + block(name=b"../x")) == "traversal"


def test_entries_of_a_tar_are_counted() -> None:
    assert refusal(tar_of({"a": b"", "b": b""}), max_entries=1) == "entries"


def test_the_size_of_a_plain_tar_counts_once() -> None:
    assert refusal(tar_of({"a": bytes(5000)}), max_uncompressed_bytes=4999) == "uncompressed-size"
    packed = tar_of({"a": os.urandom(100_000)}, "w:gz")
    assert refusal(packed, max_uncompressed_bytes=120_000) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=5), st.sampled_from(FORMATS))
def test_whatever_is_damaged_the_answer_is_a_refusal_or_none(damage: list[tuple[int, int]], tar_format: int) -> None:
    archive = bytearray(tar_of({"a": b"x" * 700, LONG[:99]: b"y", "l" * 90: b""}, tar_format=tar_format))
    for place, value in damage:
        archive[place % len(archive)] = value
    refusal(bytes(archive))


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-zä]{1,60}(/[a-z]{1,60}){0,3}", fullmatch=True),
        # Not by chance the beginning of an archive, which ends too early to be one.
        st.binary(max_size=1500).map(lambda content: b"." + content),
        max_size=4,
    ),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_whatever_the_standard_library_writes_passes(entries: dict[str, bytes], tar_format: int) -> None:
    assert refusal(tar_of(entries, tar_format=tar_format)) is None


def test_what_is_left_of_a_member_and_behind_the_last_one_is_skipped() -> None:
    whole = tar_of({"a": b"x" * 700, "b": b"y"})
    assert [member.names for member, _ in tar_members(ByteStream(iter([whole])))] == [(b"a",), (b"b",)]
    assert refusal(gzip.compress(whole + os.urandom(600_000))) is None


def test_samples_are_what_they_say() -> None:
    with tarfile.open(fileobj=io.BytesIO(pax({"path": "renamed"}) + block() + bytes(1024))) as archive:
        assert archive.getnames() == ["renamed"]
