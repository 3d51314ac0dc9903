"""What a paragraph shows: changes, fields, symbols, equations, controls."""

from pathlib import Path

import pytest

from actors.extractors.office.equations import equation_text
from actors.extractors.office.symbols import symbol, without_private_characters
from actors.extractors.office.xml_tree import child, parse_xml
from tests.unit.extractors.docx_files import blocks_of, p, r, read_body, root

STYLES = root(
    "w:styles",
    '<w:style w:type="character" w:styleId="Hid"><w:name w:val="hid"/><w:rPr><w:vanish/></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="HidP"><w:name w:val="x"/><w:rPr><w:vanish w:val="1"/></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="ShowP"><w:name w:val="y"/><w:basedOn w:val="HidP"/>'
    '<w:rPr><w:vanish w:val="0"/></w:rPr></w:style>',
)


def shown(tmp_path: Path, inside: str) -> str:
    return read_body(tmp_path, f"<w:p>{inside}</w:p>", styles=STYLES).content


def alternatives(needs: str) -> str:
    choice, fallback = f'<mc:Choice Requires="{needs}">{r("new")}</mc:Choice>', f"<mc:Fallback>{r('old')}</mc:Fallback>"
    return f"<mc:AlternateContent>{choice}{fallback}</mc:AlternateContent>"


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        (f"<w:ins>{r('new')}</w:ins>", "new"),
        ("<w:del><w:r><w:delText>old</w:delText></w:r></w:del>", ""),
        (f"<w:moveFrom>{r('there')}</w:moveFrom>{r('to ')}<w:moveTo>{r('here')}</w:moveTo>", "to here"),
        (f"<w:hyperlink>{r('link')}</w:hyperlink>", "link"),
        (f"<w:smartTag>{r('smart')}</w:smartTag><w:customXml>{r('xml')}</w:customXml>", "smartxml"),
        (f"<w:bdo>{r('a')}</w:bdo><w:dir>{r('b')}</w:dir>", "ab"),
        (r("a") + "<w:r><w:tab/></w:r>" + r("b"), "a\tb"),
        (r("a") + "<w:r><w:ptab/></w:r>" + r("b"), "a\tb"),
        (r("a") + '<w:r><w:br w:type="page"/></w:r>' + r("b"), "a\nb"),
        (r("a") + "<w:r><w:cr/></w:r>" + r("b"), "a\nb"),
        (r("non") + "<w:r><w:noBreakHyphen/></w:r>" + r("stop"), "non\u2011stop"),
        (r("soft") + "<w:r><w:softHyphen/></w:r>" + r("hy\u00adphen"), "softhyphen"),
        (r("two\nlines of XML"), "two lines of XML"),
        ('<w:r><w:sym w:font="Wingdings" w:char="F0FC"/></w:r>', "✓"),
        ('<w:r><w:sym w:font="Symbol" w:char="0061"/></w:r>', "α"),  # noqa: RUF001 - it is Greek
        ('<w:r><w:sym w:font="Symbol" w:char="no"/></w:r>', "\ufffd"),
        ('<w:r><w:sym w:font="Symbol" w:char="FFFFFFFF"/></w:r>', "\ufffd"),
        ('<w:r><w:sym w:font="Symbol"/></w:r>', "\ufffd"),
        (r("\uf0b7 x", '<w:rFonts w:ascii="Symbol"/>'), "• x"),
        (r("shown") + r("hidden", "<w:vanish/>") + r("!", '<w:vanish w:val="false"/>'), "shown!"),
        (r("shown") + r("hidden", '<w:rStyle w:val="Hid"/>'), "shown"),
        (f"<w:ruby><w:rt>{r('かんじ')}</w:rt><w:rubyBase>{r('漢字')}</w:rubyBase></w:ruby>", "漢字(かんじ)"),
        (f"<w:ruby><w:rt/><w:rubyBase>{r('漢字')}</w:rubyBase></w:ruby>", "漢字"),
        ("<w:r><w:instrText>PAGE</w:instrText></w:r>", ""),
        (f'<w:fldSimple w:instr="PAGE">{r("7")}</w:fldSimple>', "7"),
        ("<w:sdt><w:sdtContent/></w:sdt><w:sdt/>", ""),
        ("<unknown:thing><w:r><w:t>nothing</w:t></w:r></unknown:thing>", ""),
        ("<m:oMathPara><m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath></m:oMathPara>", "x=1"),
        (alternatives("w14"), "new"),
        (alternatives("unknown"), "old"),
        ('<mc:AlternateContent><mc:Choice Requires="unknown"/></mc:AlternateContent>', ""),
    ],
)  # fmt: skip
def test_a_paragraph_reads_as_word_shows_it(tmp_path: Path, inside: str, text: str) -> None:
    assert shown(tmp_path, inside) == text


def test_hidden_text_is_left_out_and_said(tmp_path: Path) -> None:
    body = p("secret", '<w:pStyle w:val="HidP"/>') + p("shown", '<w:pStyle w:val="ShowP"/>')
    document = read_body(tmp_path, body, styles=STYLES)

    assert document.content == "shown"
    assert [warning.code for warning in document.warnings] == ["hidden-text"]


def mark(kind: str, data: str = "") -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}">{data}</w:fldChar></w:r>'


def test_of_a_field_the_result_is_shown(tmp_path: Path) -> None:
    inner = mark("begin") + r("code") + mark("separate") + r("inner") + mark("end")
    field = mark("begin") + inner + r(" code ") + mark("separate") + r("result") + mark("end")

    assert shown(tmp_path, r("a ") + field + r(" b")) == "a result b"


def test_a_field_may_reach_over_paragraphs(tmp_path: Path) -> None:
    body = f"<w:p>{mark('begin')}{r('code')}</w:p><w:p>{r('code')}{mark('separate')}{r('in')}</w:p><w:p>{mark('end')}"
    document = read_body(tmp_path, body + r("out") + "</w:p>")

    assert document.content == "in\n\nout"


def test_a_field_that_never_ends_hides_nothing(tmp_path: Path) -> None:
    assert shown(tmp_path, mark("begin") + r("text") + mark("separate") + mark("odd")) == "text"
    assert shown(tmp_path, mark("end") + r("text")) == "text"


def test_marks_of_fields_count_in_hidden_text_too(tmp_path: Path) -> None:
    hidden = '<w:r><w:rPr><w:vanish/></w:rPr><w:fldChar w:fldCharType="begin"/></w:r>'

    assert shown(tmp_path, hidden + r("code") + mark("end") + r("text")) == "text"


@pytest.mark.parametrize(
    ("data", "text", "value"),
    [
        ("<w:checkBox><w:checked/></w:checkBox>", "☒", True),
        ('<w:checkBox><w:default w:val="0"/></w:checkBox>', "☐", False),
        ('<w:checkBox><w:default w:val="1"/><w:checked w:val="0"/></w:checkBox>', "☐", False),
        ('<w:ddList><w:result w:val="1"/><w:listEntry w:val="a"/><w:listEntry w:val="b"/></w:ddList>', "b", "b"),
        ('<w:ddList><w:result w:val="5"/><w:listEntry w:val="a"/></w:ddList>', "", ""),
    ],
)  # fmt: skip
def test_form_fields_of_older_documents_have_values(tmp_path: Path, data: str, text: str, value: bool | str) -> None:
    field = mark("begin", f'<w:ffData><w:name w:val="field"/>{data}</w:ffData>') + mark("end")
    document = read_body(tmp_path, f"<w:p>{field}</w:p>")

    assert document.content == text
    assert [(each.name, each.value) for each in document.form_fields] == [("field", value)]


def test_a_text_field_of_an_older_document_is_its_result(tmp_path: Path) -> None:
    data = "<w:ffData><w:textInput/></w:ffData>"

    assert shown(tmp_path, mark("begin", data) + mark("separate") + r("typed") + mark("end")) == "typed"


def control(properties: str, text: str) -> str:
    return f"<w:sdt><w:sdtPr>{properties}</w:sdtPr><w:sdtContent>{text}</w:sdtContent></w:sdt>"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ('<w:alias w:val="Name"/><w:text/>', ("Name", "text", "Ada")),
        ('<w:tag w:val="name"/><w:date/>', ("name", "date", "Ada")),
        ('<w:tag w:val="name"/><w:dropDownList/>', ("name", "choice", "Ada")),
        ('<w:tag w:val="n"/><w14:checkbox><w14:checked w14:val="1"/></w14:checkbox>', ("n", "checkbox", True)),
        ('<w:tag w:val="n"/><w14:checkbox/>', ("n", "checkbox", False)),
        ('<w:tag w:val="n"/><w:text/><w:showingPlcHdr/>', ("n", "text", None)),
    ],
)
def test_content_controls_are_form_fields(
    tmp_path: Path, properties: str, expected: tuple[str, str, str | bool | None]
) -> None:
    in_line = read_body(tmp_path, f"<w:p>{control(properties, r('Ada'))}</w:p>")
    as_block = read_body(tmp_path, control(properties, p("Ada")))

    assert in_line.content == as_block.content == "Ada"
    for document in (in_line, as_block):
        assert [(each.name, each.type, each.value) for each in document.form_fields] == [expected]


@pytest.mark.parametrize("properties", ["<w:text/>", '<w:alias w:val="only a name"/>', ""])
def test_controls_without_a_name_or_a_type_are_just_text(tmp_path: Path, properties: str) -> None:
    document = read_body(tmp_path, control(properties, p("Ada")))

    assert (document.content, document.form_fields) == ("Ada", [])


def test_a_paragraph_whose_end_was_deleted_runs_on_into_the_next(tmp_path: Path) -> None:
    gone = "<w:rPr><w:del/></w:rPr>"
    body = p("one ", gone) + p("two ", "<w:rPr><w:moveFrom/></w:rPr>") + p("three") + p("four") + p("rest", gone)

    assert blocks_of(read_body(tmp_path, body)) == [
        ("paragraph", "one two three"),
        ("paragraph", "four"),
        ("paragraph", "rest"),
    ]


def t(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (f"<m:f><m:num>{t('a+b')}</m:num><m:den>{t('2')}</m:den></m:f>", "(a+b)/2"),
        (f"<m:rad><m:e>{t('x')}</m:e></m:rad>", "√(x)"),
        (f"<m:rad><m:deg>{t('3')}</m:deg><m:e>{t('x')}</m:e></m:rad>", "3√(x)"),
        (f"<m:sSup><m:e>{t('x')}</m:e><m:sup>{t('2')}</m:sup></m:sSup>", "x^2"),
        (f"<m:sSub><m:e>{t('x')}</m:e><m:sub>{t('i+1')}</m:sub></m:sSub>", "x_(i+1)"),
        (f"<m:nary><m:sub>{t('0')}</m:sub><m:sup>{t('1')}</m:sup><m:e>{t('x')}</m:e></m:nary>", "∫_0^1 x"),
        (f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:e>{t("x")}</m:e></m:nary>', "∑ x"),
        (f"<m:d><m:e>{t('a')}</m:e><m:e>{t('b')}</m:e></m:d>", "(a|b)"),
        (f'<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val=""/></m:dPr><m:e>{t("a")}</m:e></m:d>', "[a"),
        (f"<m:m><m:mr><m:e>{t('1')}</m:e><m:e>{t('2')}</m:e></m:mr><m:mr><m:e>{t('3')}</m:e></m:mr></m:m>", "1, 2; 3"),
        (f"<m:eqArr><m:e>{t('x=1')}</m:e><m:e>{t('y=2')}</m:e></m:eqArr>", "x=1; y=2"),
        ("<w:r><w:t>text</w:t></w:r><w:del><w:r><w:t>old</w:t></w:r></w:del><m:r><m:t/></m:r>", "text"),
    ],
)
def test_equations_are_written_in_one_line(markup: str, text: str) -> None:
    equation = child(parse_xml(root("w:x", f"<m:oMath>{markup}</m:oMath>").encode()), "m:oMath")

    assert equation is not None
    assert equation_text(equation) == text


def test_an_equation_may_stand_between_paragraphs(tmp_path: Path) -> None:
    document = read_body(tmp_path, f"<m:oMathPara><m:oMath>{t('x')}</m:oMath></m:oMathPara><m:oMathPara/>")

    assert blocks_of(document) == [("paragraph", "x")]


def test_symbols_of_unknown_fonts_stay_what_they_are() -> None:
    assert symbol(0xF041, "Nobody's") == "\uf041"
    assert symbol(0xF041, None) == "\uf041"
    assert symbol(0x2022, "Symbol") == "•"
    assert symbol(0xF001, "Wingdings") == "\uf001"
    assert without_private_characters("\uf0fc \uf0fd", "WINGDINGS") == "✓ ☒"
