"""Words of RTF that say how text is: its font, its style, its list, its place in a table."""

from collections.abc import Callable

from actors.extractors.rtf.characters import CHARACTER_SETS, charset, code_page, with_font
from actors.extractors.rtf.destinations import SKIP, Group
from actors.extractors.rtf.stream import Paragraph
from actors.extractors.rtf.tables import CellPlace, Row

_MAX_LEVEL = 8


class Formatting:
    """Fonts and styles by number, and the row that is being defined."""

    def __init__(self) -> None:
        self.code_page = CHARACTER_SETS["ansi"]
        self.row = Row()
        self.language: int | None = None
        self._fonts: dict[int, str] = {}
        self._styles: dict[int, Paragraph] = {}
        self._number = 0
        """Of the font or style that is being defined."""
        self._place = CellPlace(0)

    def apply(self, word: str, number: int | None, group: Group) -> bool:
        """Whether the word is one of these."""
        if word in CHARACTER_SETS:
            self.code_page = group.encoding = CHARACTER_SETS[word]
            return True
        method = _WORDS.get(word)
        if method is not None:
            method(self, group, number)
        return method is not None

    def define(self, destination: str, name: str) -> None:
        """`name` ends the definition of a font or a style."""
        if destination == "fonttbl":
            self._fonts[self._number] = with_font(self._fonts.get(self._number, self.code_page), name)
        else:
            self._styles.setdefault(self._number, Paragraph()).style = name

    def begin_row(self, _group: Group, _number: int | None) -> None:
        self.row, self._place = Row(), CellPlace(0)

    def row_left(self, _group: Group, number: int | None) -> None:
        self.row.left = number or 0

    def header_row(self, _group: Group, _number: int | None) -> None:
        self.row.is_header = True

    def cell_place(self, _group: Group, number: int | None) -> None:
        self._place.right = number or 0
        self.row.places.append(self._place)
        self._place = CellPlace(0)

    def continues_above(self, _group: Group, _number: int | None) -> None:
        self._place.continues_above = True

    def continues_before(self, _group: Group, _number: int | None) -> None:
        self._place.continues_before = True

    def plain_paragraph(self, group: Group, _number: int | None) -> None:
        group.paragraph = Paragraph()

    def in_table(self, group: Group, _number: int | None) -> None:
        group.paragraph.in_table = True

    def outline(self, group: Group, number: int | None) -> None:
        level = number if number is not None and 0 <= number <= _MAX_LEVEL else None
        group.paragraph.outline = level
        if group.destination == "stylesheet":
            self._styles.setdefault(self._number, Paragraph()).outline = level

    def list_level(self, group: Group, number: int | None) -> None:
        group.paragraph.list_level = min(max(number or 0, 0), _MAX_LEVEL)

    def style(self, group: Group, number: int | None) -> None:
        self._number = number or 0
        if group.destination == "stylesheet":
            self._styles[self._number] = Paragraph()
            return
        style = self._styles.get(self._number, Paragraph())
        group.paragraph.style = style.style
        if group.paragraph.outline is None:
            group.paragraph.outline = style.outline

    def font(self, group: Group, number: int | None) -> None:
        self._number = number or 0
        if group.destination != "fonttbl":
            group.encoding = self._fonts.get(self._number, self.code_page)

    def font_charset(self, _group: Group, number: int | None) -> None:
        self._fonts[self._number] = charset(number or 0, self.code_page)

    def ansi_code_page(self, group: Group, number: int | None) -> None:
        self.code_page = group.encoding = code_page(number or 0)

    def fallback(self, group: Group, number: int | None) -> None:
        group.fallback_characters = max(0, 1 if number is None else number)

    def hidden(self, group: Group, number: int | None) -> None:
        group.is_hidden = number != 0

    def plain(self, group: Group, _number: int | None) -> None:
        group.is_hidden = False

    def deleted(self, group: Group, number: int | None) -> None:
        if number != 0:
            group.destination = SKIP

    def default_language(self, _group: Group, number: int | None) -> None:
        self.language = number


_WORDS: dict[str, Callable[[Formatting, Group, int | None], None]] = {
    "trowd": Formatting.begin_row,
    "trleft": Formatting.row_left,
    "trhdr": Formatting.header_row,
    "cellx": Formatting.cell_place,
    "clvmrg": Formatting.continues_above,
    "clmrg": Formatting.continues_before,
    "pard": Formatting.plain_paragraph,
    "intbl": Formatting.in_table,
    "outlinelevel": Formatting.outline,
    "ilvl": Formatting.list_level,
    "s": Formatting.style,
    "f": Formatting.font,
    "fcharset": Formatting.font_charset,
    "ansicpg": Formatting.ansi_code_page,
    "uc": Formatting.fallback,
    "v": Formatting.hidden,
    "plain": Formatting.plain,
    "deleted": Formatting.deleted,
    "deflang": Formatting.default_language,
}
