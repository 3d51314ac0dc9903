import io
from pathlib import Path

import pytest
from PIL import Image

from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions
from actors.extractors.epub.extraction import extract
from tests.unit.extractors.docx_files import write_parts
from tests.unit.extractors.epub_files import CONTAINER, opf, write_epub
from tests.unit.extractors.html_files import shown
from tests.unit.extractors.no_ocr import extracted

METADATA = (
    "<dc:title>A Book</dc:title><dc:creator>Ann</dc:creator><dc:language>en</dc:language><dc:date>2024</dc:date>"
    '<meta property="dcterms:modified">2024-05-01T10:00:00Z</meta>'
)
ENCRYPTION = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#">'
    '<enc:EncryptedData><enc:CipherData><enc:CipherReference URI="OEBPS/text/{}"/></enc:CipherData></enc:EncryptedData>'
    "</encryption>"
)


def read(path: Path, options: ExtractionOptions | None = None) -> Document:
    return extracted(extract, path, options)


def refused(path: Path) -> str:
    with pytest.raises(ExtractionFailed) as failure:
        read(path)
    return failure.value.code


def png(width: int, height: int) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height)).save(written, "PNG")
    return written.getvalue()


def test_the_spine_is_the_order_of_pages(tmp_path: Path) -> None:
    chapters = {"b.xhtml": "<h1>One</h1><p>x&nbsp;y</p>", "a.xhtml": "<h1>Two</h1>"}

    document = read(write_epub(tmp_path / "sample.epub", chapters, metadata=METADATA))

    assert shown(document) == ["heading/1 One", "paragraph x\xa0y", "heading/1 Two"]
    assert [(page.number, page.source) for page in document.pages] == [(1, "text"), (2, "text")]
    said = document.properties
    assert (said.title, said.author, said.language, said.page_count) == ("A Book", "Ann", "en", 2)
    assert (said.created, said.modified) == ("2024-01-01T00:00:00Z", "2024-05-01T10:00:00Z")


def test_pictures_in_the_book_are_listed_with_their_page(tmp_path: Path) -> None:
    chapters = {
        "a.xhtml": "<p>no picture</p>",
        "b.xhtml": '<svg><image xlink:href="../images/cover.png"/></svg><img src="http://example.test/x.png"/>',
    }

    document = read(write_epub(tmp_path / "sample.epub", chapters, {"OEBPS/images/cover.png": png(6, 9)}))

    assert [(image.page, image.width, image.height, image.media_type) for image in document.images] == [
        (2, 6, 9, "image/png")
    ]


def test_only_the_parts_that_are_asked_for_are_read(tmp_path: Path) -> None:
    path = write_epub(tmp_path / "sample.epub", {f"{n}.xhtml": f"<p>part {n}</p>" for n in range(1, 4)})

    assert read(path, ExtractionOptions(pages="2")).content == "part 2"


def test_tables_may_be_left_out(tmp_path: Path) -> None:
    path = write_epub(tmp_path / "sample.epub", {"a.xhtml": "<table><tr><th>a</th><th>b</th></tr></table>"})

    assert len(read(path).tables) == 1
    assert shown(read(path, ExtractionOptions(tables=False))) == ["paragraph a\tb"]


@pytest.mark.parametrize("metadata", ["", "<dc:date>long ago</dc:date><dc:title/>"])
def test_a_book_may_say_nothing_of_itself(tmp_path: Path, metadata: str) -> None:
    said = read(write_epub(tmp_path / "sample.epub", {"a.xhtml": "x"}, metadata=metadata)).properties

    assert (said.title, said.author, said.created, said.modified) == (None, None, None, None)


def test_what_a_shop_has_encrypted_is_an_error_of_its_page(tmp_path: Path) -> None:
    parts = {"META-INF/encryption.xml": ENCRYPTION.format("b.xhtml")}

    document = read(write_epub(tmp_path / "sample.epub", {"a.xhtml": "open", "b.xhtml": "\x01"}, parts))

    assert (document.content, document.status) == ("open", "partial")
    assert [page.error for page in document.pages] == [None, "The part is encrypted for one shop's readers."]


def test_a_book_of_which_nothing_can_be_read_is_corrupt(tmp_path: Path) -> None:
    parts = {"META-INF/encryption.xml": ENCRYPTION.format("a.xhtml")}

    assert refused(write_epub(tmp_path / "sample.epub", {"a.xhtml": "x"}, parts)) == "corrupt-file"


def test_a_part_that_is_missing_is_an_error_of_its_page(tmp_path: Path) -> None:
    path = write_epub(tmp_path / "sample.epub", {"a.xhtml": "x"}, {"OEBPS/book.opf": opf(["a.xhtml", "gone.xhtml"])})

    assert [page.error for page in read(path).pages] == [None, "The part cannot be read."]


def test_a_spine_that_names_nothing_is_an_error_of_that_page(tmp_path: Path) -> None:
    odd = opf(["a.xhtml"]).replace("</spine>", '<itemref idref="none"/></spine>')

    document = read(write_epub(tmp_path / "sample.epub", {"a.xhtml": "x"}, {"OEBPS/book.opf": odd}))

    assert [page.error for page in document.pages] == [None, "The part cannot be read."]


def test_a_part_that_is_no_text_is_an_empty_page(tmp_path: Path) -> None:
    odd = opf(["a.xhtml"], media_type="image/svg+xml")

    document = read(write_epub(tmp_path / "sample.epub", {"a.xhtml": "x"}, {"OEBPS/book.opf": odd}))

    assert [(page.source, page.error) for page in document.pages] == [("none", None)]


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"META-INF/container.xml": "<x/>"},
        {"META-INF/container.xml": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'},
        {"META-INF/container.xml": CONTAINER},
        {"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": opf([])},
    ],
)
def test_a_zip_that_is_no_book_is_corrupt(tmp_path: Path, parts: dict[str, str | bytes]) -> None:
    assert refused(write_parts(tmp_path / "sample.epub", parts)) == "corrupt-file"
