"""Pieces for retrieval."""

from hypothesis import given
from hypothesis import strategies as st

from actors.views.chunks import chunks
from tests.unit.views.sample import Sample, sample


def test_a_piece_stays_within_its_section_and_knows_the_headings_above() -> None:
    found = chunks(sample())
    assert [(piece["text"], piece["heading_path"], piece["pages"]) for piece in found] == [
        (
            "Ships & harbours\n\nTwo lines of <text>\nwith a break.",
            ["Ships & harbours"],
            [1],
        ),
        (
            "Lists\n\n• first\n\n2. nested\n\n• second\n\n3) third\n\nif a < b:\n    pass\n\na\tb\nc\n\n\n\nFigure 1",
            ["Ships & harbours", "Lists"],
            [1, 2],
        ),
    ]
    assert [piece["id"] for piece in found] == ["c1", "c2"]


def test_text_that_is_not_of_the_body_parts_pieces() -> None:
    made = Sample().add("paragraph", "one").add("footer", "7", layer="furniture").add("paragraph", "two", page=2)
    assert [piece["text"] for piece in chunks(made.whole())] == ["one", "two"]


def test_headings_of_the_same_level_follow_each_other() -> None:
    made = Sample()
    for text, level in (("A", 1), ("A.1", 2), ("B", 1)):
        made.add("heading", text, level=level).add("paragraph", "x")
    assert [piece["heading_path"] for piece in chunks(made.whole())] == [["A"], ["A", "A.1"], ["B"]]


def test_a_long_block_is_divided_where_a_sentence_ends() -> None:
    text = "A first sentence of this. A second one that follows. And a third one."
    found = chunks(Sample().add("paragraph", text).whole(), 60)
    assert [piece["text"] for piece in found] == [
        "A first sentence of this. A second one that follows. ",
        "And a third one.",
    ]
    assert [piece["text"] for piece in chunks(Sample().add("paragraph", "ab cd efgh").whole(), 6)] == ["ab cd ", "efgh"]
    assert [piece["text"] for piece in chunks(Sample().add("paragraph", "abcdefgh").whole(), 3)] == ["abc", "def", "gh"]


BLOCKS = st.lists(
    st.tuples(st.sampled_from(["heading", "paragraph"]), st.text("ab. \n", max_size=60), st.integers(1, 3)), max_size=8
)


@given(BLOCKS, st.integers(5, 50))
def test_pieces_are_what_their_spans_say_and_leave_nothing_out(
    blocks: list[tuple[str, str, int]], characters: int
) -> None:
    made = Sample()
    for kind, text, level in blocks:
        made.add(kind, text, level=level)
    document = made.whole()
    found = chunks(document, characters)
    content = document["content"]
    end = 0
    for piece in found:
        start, size = piece["span"]
        assert piece["text"] == content[start : start + size]
        assert 0 < size <= characters
        assert not content[end:start].strip()
        end = start + size
    assert not content[end:].strip()
