"""Text boxes, pictures, diagrams, and what is embedded."""

from pathlib import Path

import pytest
from PIL import Image

from actors.extractors.docx import story
from tests.unit.extractors.docx_files import (
    blocks_of,
    p,
    r,
    read,
    read_body,
    relationships,
    root,
    write_docx,
    write_parts,
)


def box(text: str) -> str:
    return f"<w:txbxContent>{p(text)}</w:txbxContent>"


def test_a_text_box_is_read_once_though_it_is_written_twice(tmp_path: Path) -> None:
    new = f'<mc:Choice Requires="wps"><w:drawing>{box("boxed")}</w:drawing></mc:Choice>'
    old = f"<mc:Fallback><w:pict>{box('boxed')}</w:pict></mc:Fallback>"
    body = f"<w:p>{r('anchor')}<w:r><mc:AlternateContent>{new}{old}</mc:AlternateContent></w:r></w:p>"

    assert blocks_of(read_body(tmp_path, body)) == [("paragraph", "anchor"), ("paragraph", "boxed")]


def test_boxes_may_stand_in_groups_of_alternatives(tmp_path: Path) -> None:
    choice = f'<mc:AlternateContent><mc:Choice Requires="wps">{box("one")}</mc:Choice></mc:AlternateContent>'
    none = f'<mc:AlternateContent><mc:Choice Requires="unknown">{box("no")}</mc:Choice></mc:AlternateContent>'
    body = f"<w:p><w:r><w:drawing><a:group>{choice}{none}{box('two')}</a:group></w:drawing></w:r></w:p>"

    assert [text for _, text in blocks_of(read_body(tmp_path, body))] == ["one", "two"]


def test_text_along_a_path_and_in_a_canvas_is_text(tmp_path: Path) -> None:
    art = '<w:pict><v:shape><v:textpath string="WordArt"/></v:shape></w:pict>'
    canvas = "<w:drawing><a:p><a:r><a:t>drawn</a:t></a:r><a:br/><a:r><a:t>text</a:t></a:r></a:p><a:p/></w:drawing>"
    body = f"<w:p><w:r>{art}</w:r><w:r>{canvas}</w:r></w:p>"

    assert blocks_of(read_body(tmp_path, body)) == [("paragraph", "WordArt"), ("paragraph", "drawn\ntext")]


def picture_in(size: str) -> str:
    return f'<w:p><w:r><w:drawing><wp:inline>{size}<a:blip r:embed="pic"/></wp:inline></w:drawing></w:r></w:p>'


def with_picture(tmp_path: Path, body: str, data: bytes, target: str = "media/a.png", *, outside: bool = False) -> Path:
    return write_parts(
        tmp_path / "sample.docx",
        {
            "word/document.xml": root("w:document", f"<w:body>{body}</w:body>"),
            "word/_rels/document.xml.rels": relationships(
                {"pic": ("image", target)}, outside=frozenset({"pic"} if outside else ())
            ),
            "word/media/a.png": data,
            "word/media/a.emf": data,
        },
    )


SHOWN = '<wp:extent cx="952500" cy="476250"/>'


def test_a_picture_that_does_not_say_its_size_has_that_it_is_shown_in(tmp_path: Path) -> None:
    document = read(with_picture(tmp_path, picture_in(SHOWN), b"?", "media/a.emf"))

    assert [(each.width, each.height, each.media_type) for each in document.images] == [(100, 50, "image/emf")]


@pytest.mark.parametrize(
    "markup", [picture_in(""), '<w:p><w:r><w:drawing><a:blip r:embed="pic"/></w:drawing></w:r></w:p>']
)
def test_a_picture_of_no_size_at_all_is_still_one(tmp_path: Path, markup: str) -> None:
    assert [(each.width, each.height) for each in read(with_picture(tmp_path, markup, b"?")).images] == [(0, 0)]


def test_pictures_in_the_old_markup_count(tmp_path: Path) -> None:
    Image.new("L", (3, 4)).save(tmp_path / "a.png")
    body = '<w:p><w:r><w:object><v:shape><v:imagedata r:id="pic"/></v:shape></w:object></w:r></w:p>'
    document = read(with_picture(tmp_path, body, (tmp_path / "a.png").read_bytes()))

    assert [(each.width, each.height) for each in document.images] == [(3, 4)]


@pytest.mark.parametrize(("target", "outside"), [("http://example.test/a.png", True), ("media/none.png", False)])
def test_a_picture_outside_is_a_figure_and_nothing_is_fetched(tmp_path: Path, target: str, outside: bool) -> None:
    document = read(with_picture(tmp_path, picture_in(SHOWN), b"", target, outside=outside))

    assert blocks_of(document) == [("figure", "")]
    assert document.images == []


def test_only_so_many_pictures_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "MAX_IMAGES", 1)
    document = read(with_picture(tmp_path, picture_in(SHOWN) * 2, b"?"))

    assert (len(document.images), len(document.blocks)) == (1, 2)


def diagram(name: str) -> str:
    return f'<w:p><w:r><w:drawing><dgm:relIds r:dm="{name}"/></w:drawing></w:r></w:p>'


def test_a_diagram_is_a_figure_with_text(tmp_path: Path) -> None:
    data = root("dgm:dataModel", "<a:p><a:r><a:t>Step 1</a:t></a:r></a:p><a:p/><a:p><a:r><a:t>Step 2</a:t></a:r></a:p>")
    path = write_docx(tmp_path / "sample.docx", diagram("diagrams/data.xml"), {"diagrams/data.xml": data})

    assert blocks_of(read(path)) == [("figure", "Step 1\nStep 2")]


def test_a_chart_has_its_titles_and_names(tmp_path: Path) -> None:
    names = (
        "<c:strCache><c:pt><c:v>North</c:v></c:pt><c:pt><c:v/></c:pt></c:strCache><c:numCache><c:v>7</c:v></c:numCache>"
    )
    data = root("c:chartSpace", f"<a:p><a:r><a:t>Sales</a:t></a:r></a:p>{names}")
    body = '<w:p><w:r><w:drawing><c:chart r:id="charts/chart.xml"/></w:drawing></w:r></w:p>'
    path = write_docx(tmp_path / "sample.docx", body, {"charts/chart.xml": data})

    assert blocks_of(read(path)) == [("figure", "Sales\nNorth")]


def test_a_diagram_that_is_missing_or_broken_is_an_empty_figure(tmp_path: Path) -> None:
    chart = "<w:p><w:r><w:drawing><c:chart/><dgm:relIds/></w:drawing></w:r></w:p>"
    path = write_docx(tmp_path / "sample.docx", diagram("diagrams/data.xml") + chart, {"diagrams/data.xml": "<broken"})

    assert blocks_of(read(path)) == [("figure", "")] * 3


def test_containers_without_a_look_of_their_own_are_looked_into(tmp_path: Path) -> None:
    choice = f'<mc:AlternateContent><mc:Choice Requires="w14">{p("d")}</mc:Choice></mc:AlternateContent>'
    none = '<mc:AlternateContent><mc:Choice Requires="unknown"/></mc:AlternateContent>'
    body = f"<w:customXml>{p('a')}</w:customXml><w:ins>{p('b')}</w:ins><w:moveTo>{p('c')}</w:moveTo>{choice}{none}"

    assert read_body(tmp_path, body + "<w:del><w:p/></w:del>").content == "a\n\nb\n\nc\n\nd"


@pytest.mark.parametrize("name", ["altChunk", "subDoc"])
def test_an_embedded_document_is_said_to_be_missing(tmp_path: Path, name: str) -> None:
    document = read_body(tmp_path, p("Text") + f'<w:{name} r:id="x"/>')

    assert document.content == "Text"
    assert [warning.code for warning in document.warnings] == ["embedded-document"]
