import base64
import io
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from actors.extractors.document import ExtractionFailed, ExtractionOptions
from actors.extractors.html import blocks as html_blocks
from tests.unit.extractors.html_files import read_html, shown


def png(width: int, height: int) -> str:
    written = io.BytesIO()
    Image.new("RGB", (width, height)).save(written, "PNG")
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()


@pytest.mark.parametrize(
    ("html", "blocks"),
    [
        ("<h1>One</h1><h3>Three</h3>text", ["heading/1 One", "heading/3 Three", "paragraph text"]),
        ("<p>a\n  <b>b</b>c <i> d</i><br> e</p>", ["paragraph a bc d\ne"]),
        ("<div>a<div>b</div>c</div>", ["paragraph a", "paragraph b", "paragraph c"]),
        (
            "<p>unclosed<p>next<ul><li>x<li>y</ul>",
            ["paragraph unclosed", "paragraph next", "list_item/1 • x", "list_item/1 • y"],
        ),
        ("<pre>  def f():\n\n    pass\n</pre>", ["code   def f():\n    pass"]),
        ("<figure><img alt='A cat'><figcaption>Fig. 1</figcaption></figure>", ["paragraph A cat", "caption Fig. 1"]),
        ("<p>He said <q>no</q>.</p>", ["paragraph He said \u201cno\u201d."]),
        ("<p><ruby>漢<rp>[</rp><rt>kan</rt><rp>]</rp></ruby></p>", ["paragraph 漢(kan)"]),
        ("a<script>alert(1)</script><style>b{}</style><template>c</template><noscript>d</noscript>e", ["paragraph ae"]),
        ("x &amp; &lt;b&gt; &euro;", ["paragraph x & <b> €"]),
        ("<custom-element>own</custom-element>", ["paragraph own"]),
        ("<dl><dt>term<dd>meaning</dl>", ["paragraph term", "paragraph meaning"]),
    ],
)
def test_blocks_are_what_a_browser_shows(tmp_path: Path, html: str, blocks: list[str]) -> None:
    assert shown(read_html(tmp_path, html)) == blocks


@pytest.mark.parametrize(
    ("html", "items"),
    [
        ("<ol><li>a<li>b</ol>", ["1 1. a", "1 2. b"]),
        ("<ol start=3 type=A><li>a<li value=9>b<li>c</ol>", ["1 C. a", "1 I. b", "1 J. c"]),
        ("<ol reversed><li>a<li>b</ol>", ["1 2. a", "1 1. b"]),
        ("<ul><li>a<ol type=i><li>b</ol><li>c</ul>", ["1 • a", "2 i. b", "1 • c"]),
        ("<li>alone", ["1 • alone"]),
        ("<ul><li></li><li>after nothing</ul>", ["1 • after nothing"]),
    ],
)
def test_lists_are_numbered_as_they_are_shown(tmp_path: Path, html: str, items: list[str]) -> None:
    assert shown(read_html(tmp_path, html)) == [f"list_item/{item}" for item in items]


def test_only_the_first_paragraph_of_an_item_has_its_marker(tmp_path: Path) -> None:
    document = read_html(tmp_path, "<ul><li><p>first</p><p>second</p></ul>")

    assert shown(document) == ["list_item/1 • first", "paragraph second"]


@pytest.mark.parametrize(
    "hidden",
    ["<p hidden>x</p>", '<div style="color: red;display:none">x</div>', '<b style="visibility:hidden">x</b>'],
)
def test_what_is_hidden_is_left_out_and_said(tmp_path: Path, hidden: str) -> None:
    document = read_html(tmp_path, f"<p>a</p>{hidden}{hidden}<p>b</p>")

    assert document.content == "a\n\nb"
    assert [warning.code for warning in document.warnings] == ["hidden-text"]


def test_what_every_page_of_a_site_has_is_furniture(tmp_path: Path) -> None:
    html = (
        "<header>Site<nav><ul><li>Home</ul></nav></header><nav>More</nav>"
        "<article><header>Byline</header><p>Text</p><footer>Notes</footer></article><footer>Imprint</footer>"
    )

    assert shown(read_html(tmp_path, html)) == [
        *("[header Site]", "[header • Home]", "[paragraph More]"),
        *("paragraph Byline", "paragraph Text", "paragraph Notes", "[footer Imprint]"),
    ]


def test_a_header_with_the_headline_belongs_to_the_text(tmp_path: Path) -> None:
    assert shown(read_html(tmp_path, "<header><h1>News</h1></header>")) == ["heading/1 News"]


def test_the_document_says_what_it_is(tmp_path: Path) -> None:
    html = """<html lang="de"><head><title> A
        title</title><meta name="Author" content="Ann"><meta property="article:published_time"
        content="2024-05-01T10:00:00+02:00"><meta name="dcterms.modified" content="2024-06"></head>x"""

    said = read_html(tmp_path, html).properties

    assert (said.title, said.author, said.language, said.page_count) == ("A title", "Ann", "de", 1)
    assert (said.created, said.modified) == ("2024-05-01T08:00:00Z", "2024-06-01T00:00:00Z")


@pytest.mark.parametrize("written", ["", "yesterday", "0001-01-01T00:00:00+23:00"])
def test_a_date_that_is_none_is_left_out(tmp_path: Path, written: str) -> None:
    assert read_html(tmp_path, f'<meta name="date" content="{written}">x').properties.created is None


def test_pictures_in_the_file_are_listed_and_others_never_fetched(tmp_path: Path) -> None:
    html = f'<p>see <img src="{png(7, 5)}" alt="this"> and <img src="http://example.test/x.png"><img></p><p>after</p>'

    document = read_html(tmp_path, html)

    assert [(image.id, image.width, image.height, image.media_type) for image in document.images] == [
        ("i1", 7, 5, "image/png")
    ]
    assert shown(document) == ["paragraph see this and", "figure", "paragraph after"]


def test_a_picture_in_a_drawing_is_listed(tmp_path: Path) -> None:
    document = read_html(tmp_path, f'<svg><text>no text</text><image xlink:href="{png(3, 2)}"/><image href="x"/></svg>')

    assert [(image.width, image.height) for image in document.images] == [(3, 2)]
    assert document.content == ""


def test_a_picture_that_is_no_base64_has_no_size(tmp_path: Path) -> None:
    document = read_html(tmp_path, '<img src="data:image/gif;base64,A"><img src="data:image/gif;base64,AAA-AAA!">')

    assert [(image.width, image.height) for image in document.images] == [(0, 0), (0, 0)]


def test_of_very_many_pictures_only_some_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_blocks, "MAX_IMAGES", 1)

    assert len(read_html(tmp_path, f'<img src="{png(1, 1)}">' * 3).images) == 1


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('<meta charset="iso-8859-1">1 \x80 é'.encode("cp1252", "replace").replace(b"?", b"\x80"), "1 € é"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">吾輩は猫'.encode("cp932"), "吾輩は猫"),
        ('<?xml version="1.0" encoding="windows-1251"?><html>Привет</html>'.encode("cp1251"), "Привет"),
        (b"\xef\xbb\xbf<meta charset=iso-8859-1>\xc3\xa9", "é"),
        ("<meta charset=utf-8>Größe".encode("cp1252"), "Größe"),
        ("<meta charset=zlib>é".encode(), "é"),
        ("<meta charset=no-such>é".encode(), "é"),
        ("größer".encode("utf-16"), "größer"),
    ],
)
def test_the_encoding_is_what_is_said_where_that_can_be(tmp_path: Path, data: bytes, text: str) -> None:
    assert read_html(tmp_path, data).content == text


def test_a_declared_encoding_needs_no_warning_and_a_guessed_one_does(tmp_path: Path) -> None:
    assert read_html(tmp_path, "<meta charset=koi8-r>Привет".encode("koi8-r")).warnings == []
    assert [each.code for each in read_html(tmp_path, "Größe".encode("cp1252")).warnings] == ["encoding"]


def test_empty_elements_of_xhtml_swallow_nothing(tmp_path: Path) -> None:
    html = """<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://example.test/x.dtd">
        <html xmlns="http://www.w3.org/1999/xhtml" xml:lang="fr"><head><title/><script src="x"/></head>
        <body><p>a<br/>b<a id="x"/>&nbsp;c</p><div/>d</body></html>"""

    document = read_html(tmp_path, html)

    assert shown(document) == ["paragraph a\nb\xa0c", "paragraph d"]
    assert document.properties.language == "fr"


def test_entities_of_its_own_are_neither_expanded_nor_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root:x:0:0")
    html = f'<!DOCTYPE html [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file://{secret}">]><p>&a;&b;</p>'

    assert "root" not in read_html(tmp_path, html).content


@pytest.mark.parametrize("html", ["", "  ", "<!-- only a comment -->", "<p></p>"])
def test_nothing_is_an_empty_page(tmp_path: Path, html: str) -> None:
    document = read_html(tmp_path, html)

    assert (document.content, document.pages[0].source) == ("", "none")


def test_depth_ends_the_reading_and_is_said(tmp_path: Path) -> None:
    document = read_html(tmp_path, "<p>before</p>" + "<div>x" * 3000)

    assert document.content.startswith("before")
    assert [warning.code for warning in document.warnings] == ["too-deep"]


def test_other_pages_than_the_first_do_not_exist(tmp_path: Path) -> None:
    assert read_html(tmp_path, "<p>text", ExtractionOptions(pages="2")).pages == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            [
                "<table>",
                "<tr>",
                "<td>",
                "</table>",
                "<p>",
                "</p>",
                "<ul>",
                "<li>",
                "</ul>",
                "<pre>",
                "</pre>",
                "x ",
                "\n",
            ]
        ),
        max_size=30,
    )
)
def test_any_order_of_tags_is_read(tmp_path: Path, tags: list[str]) -> None:
    document = read_html(tmp_path, "".join(tags))

    assert "".join(document.content.split()).replace("•", "").replace("x", "") == ""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    with suppress(ExtractionFailed):
        read_html(tmp_path, b"<table><tr><td>" + data)
