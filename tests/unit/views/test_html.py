"""Documents as HTML: every word there, nothing of it markup."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from actors.views.html import html
from tests.unit.views.sample import Sample, sample


def test_a_document_is_a_page_with_all_of_its_structure() -> None:
    assert html(sample()) == (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Ships &amp; harbours</title>\n'
        '</head>\n<body>\n<section id="page-1">\n'
        "<h1>Ships &amp; harbours</h1>\n"
        "<p>Two lines of &lt;text&gt;<br>\nwith a break.</p>\n"
        "<h2>Lists</h2>\n"
        '<ul>\n<li>first<ol>\n<li value="2">nested</li>\n</ol>\n</li>\n<li>second</li>\n</ul>\n'
        '<ol>\n<li value="3">third</li>\n</ol>\n'
        '</section>\n<section id="page-2">\n'
        "<pre><code>if a &lt; b:\n    pass</code></pre>\n"
        '<table>\n<tr><th>a</th><td rowspan="2">b</td></tr>\n<tr><td>c<br>\nd</td></tr>\n</table>\n'
        "<figure></figure>\n<p>Figure 1</p>\n</section>\n</body>\n</html>\n"
    )


def test_a_document_without_text_is_an_empty_page() -> None:
    assert "<body>\n</body>" in html(Sample().whole())


def test_an_untitled_document_is_named_for_its_file() -> None:
    assert "<title>report &lt;1&gt;.pdf</title>" in html(Sample().add("heading", " ").whole())


def test_a_table_block_without_a_table_is_a_paragraph() -> None:
    assert "<p>a b</p>" in html(Sample().add("table", "a b").add("paragraph", " ").whole())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser names it
        self.tags.add(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


KINDS = st.sampled_from(["title", "heading", "paragraph", "list_item", "code", "caption", "table"])
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]) | st.sampled_from("<>&\"' "))


@given(st.lists(st.tuples(KINDS, TEXTS, st.integers(1, 9), st.integers(1, 3)), max_size=8))
def test_whatever_a_document_says_is_its_text(blocks: list[tuple[str, str, int, int]]) -> None:
    made = Sample(title="x")
    for kind, text, level, page in sorted(blocks, key=lambda block: block[3]):
        made.add(kind, f"@{text}@", page, level=level)
    reader = _Reader()
    reader.feed(html(made.whole(3)))
    reader.close()
    assert reader.open == []
    known = {"html", "head", "meta", "title", "body", "section", "ul", "ol", "li", "pre", "code", "p"}
    assert reader.tags <= known | {f"h{level}" for level in range(1, 7)}
    read = " ".join("".join(reader.text).split())
    for _, text, _, _ in blocks:
        assert " ".join(f"@{text}@".split()) in read
