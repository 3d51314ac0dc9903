"""The set: some documents of each kind, always the same ones, with the truth about them."""

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.structure import words
from benchmarks.structure.scans import coloured, scanned
from benchmarks.structure.sheet import BOTTOM, LEFT, RIGHT, Sheet
from benchmarks.structure.tables import plain_table, row_groups_table, spanning_table, write_between_text
from benchmarks.structure.truth import Structure
from benchmarks.structure.words import Chance

PER_KIND = 8
SCANS_PER_KIND = 3


class Case(NamedTuple):
    name: str
    kind: str
    pdf: bytes
    truth: Structure


def cases(*, scans: bool = False, per_kind: int = PER_KIND, kinds: Collection[str] = ()) -> Iterator[Case]:
    """Born-digital documents, of all kinds or some; with `scans` also pictures of some of them, which need OCR."""
    for kind in kinds or KINDS:
        for number in range(per_kind):
            sheet = _written(kind, KINDS[kind], number)
            yield Case(f"{kind}-{number}", kind, bytes(sheet), sheet.truth)
    if scans:
        yield from _scans()


def _scans() -> Iterator[Case]:
    for kind in SCANNED_KINDS:
        for number in range(SCANS_PER_KIND):
            sheet = _written(f"scan of {kind}", KINDS[kind], number)
            name = f"scanned {kind}"
            yield Case(f"{name}-{number}", name, scanned(bytes(sheet), degrees=0.6 * number), sheet.truth)


def _written(kind: str, write: "Writer", number: int) -> Sheet:
    chance = random.Random(f"{kind} {number}")  # noqa: S311 - the same documents at every run
    sheet = Sheet.of_chance(chance)
    write(sheet, chance)
    return sheet


Writer = Callable[[Sheet, Chance], None]


def _ruled(sheet: Sheet, chance: Chance) -> None:
    write_between_text(sheet, chance, plain_table(chance, "ruled"))


def _booktabs(sheet: Sheet, chance: Chance) -> None:
    write_between_text(sheet, chance, plain_table(chance, "booktabs"))


def _borderless(sheet: Sheet, chance: Chance) -> None:
    write_between_text(sheet, chance, plain_table(chance, "none"))


def _spanning_ruled(sheet: Sheet, chance: Chance) -> None:
    spec = spanning_table(chance, "ruled") if words.likely(chance, 0.5) else row_groups_table(chance)
    write_between_text(sheet, chance, spec)


def _spanning_booktabs(sheet: Sheet, chance: Chance) -> None:
    write_between_text(sheet, chance, spanning_table(chance, "booktabs"))


def _headings(sheet: Sheet, chance: Chance) -> None:
    numbered = words.likely(chance, 0.5)
    sheet.heading(words.title(chance), 1)
    for chapter in range(1, chance.randint(2, 4)):
        sheet.heading((f"{chapter} " if numbered else "") + words.title(chance), 2)
        sheet.paragraph(words.text(chance, 4))
        for section in range(1, chance.randint(1, 3)):
            sheet.heading((f"{chapter}.{section} " if numbered else "") + words.title(chance), 3)
            sheet.paragraph(words.text(chance, 3))


def _lists(sheet: Sheet, chance: Chance) -> None:
    sheet.paragraph(words.text(chance, 3))
    bullet = chance.choice(["\x95", "-", "*"])
    for number in range(1, chance.randint(3, 6)):
        sheet.list_item(f"{number}.", words.text(chance, chance.randint(1, 2)))
        for _ in range(chance.randint(0, 3)):
            sheet.list_item(bullet, words.sentence(chance), depth=1)
    sheet.y += sheet.line_height
    sheet.paragraph(words.text(chance, 3))


def _columns(count: int) -> Writer:
    def write(sheet: Sheet, chance: Chance) -> None:
        header, pages = words.title(chance), 3
        for page in range(1, pages + 1):
            if page > 1:
                sheet.new_page()
            _furniture(sheet, header, f"{page} / {pages}")
            if page == 1:
                sheet.heading(words.title(chance), 1)
            _ColumnFlow(sheet, count, chance).fill()

    return write


def _furniture(sheet: Sheet, header: str, footer: str) -> None:
    sheet.font(size=8)
    sheet.line(header, LEFT, 40, 8)
    sheet.line(footer, (LEFT + RIGHT) / 2, 800, 8)
    sheet.truth.furniture += [header, footer]


@dataclass(slots=True)
class _ColumnFlow:
    """Columns of paragraphs, from the sheet's `y` to the page's end; a paragraph goes on in the next column."""

    sheet: Sheet
    count: int
    chance: Chance

    def fill(self) -> None:
        sheet, gutter = self.sheet, 18.0
        width = (RIGHT - LEFT - gutter * (self.count - 1)) / self.count
        top, ends = sheet.y, BOTTOM - 2 * sheet.line_height
        column, paragraph = 0, self._paragraph(width)
        written: list[str] = []
        while column < self.count:
            if sheet.y > ends:
                column, sheet.y = column + 1, top
            elif paragraph:
                written.append(paragraph[0])
                sheet.line(paragraph.pop(0), LEFT + column * (width + gutter), sheet.y)
                sheet.y += sheet.line_height
            else:
                sheet.truth.pieces.append(" ".join(written))
                written, paragraph = [], self._paragraph(width)
                sheet.y += 0.7 * sheet.line_height
        if written:
            sheet.truth.pieces.append(" ".join(written))

    def _paragraph(self, width: float) -> list[str]:
        self.sheet.font()
        return self.sheet.wrapped(words.text(self.chance, self.chance.randint(3, 6)), width)


def _notes(sheet: Sheet, chance: Chance) -> None:
    """A picture and a table with captions, and footnotes at the page's end."""
    sheet.heading(words.title(chance), 1)
    sheet.paragraph(words.text(chance, 4))
    sheet.pdf.set_fill_color(90, 120, 160)
    sheet.pdf.image(coloured(chance), LEFT, sheet.y, 200, 110)
    sheet.truth.figures += 1
    sheet.y += 110 + sheet.line_height
    label = chance.choice(["Figure", "Fig."])
    sheet.caption(f"{label} {chance.randint(1, 9)}{chance.choice(':.')} {words.title(chance)}")
    sheet.paragraph(words.text(chance, 4))
    sheet.caption(f"Table {chance.randint(1, 9)}{chance.choice(':.')} {words.title(chance)}")
    sheet.table(plain_table(chance, "ruled"))
    sheet.paragraph(words.text(chance, 2))
    top = BOTTOM - 30
    sheet.pdf.line(LEFT, top - 6, LEFT + 120, top - 6)
    for number in range(1, chance.randint(2, 4)):
        note = f"{number} {words.sentence(chance)}"
        sheet.font(size=0.78 * sheet.size)
        sheet.line(note, LEFT, top, 0.78 * sheet.size)
        sheet.truth.footnotes.append(note)
        sheet.truth.pieces.append(note)
        top += sheet.size


def _forms(sheet: Sheet, chance: Chance) -> None:
    """The head of an invoice: labels and values, beside or below one another, and a table of what is charged."""
    sheet.heading("Invoice", 1)
    pairs = [
        ("Invoice no", words.code(chance)),
        ("Date", words.date(chance)),
        ("Customer", words.name(chance)),
        ("Order number", words.code(chance)),
        ("Payment terms", f"{chance.randint(7, 60)} days"),
        ("Total due", words.amount(chance)),
    ]
    apart = chance.choice([None, 110.0])
    for key, value in chance.sample(pairs, chance.randint(4, 6)):
        sheet.font(bold=words.likely(chance, 0.5))
        sheet.line(f"{key}:", LEFT, sheet.y)
        width = sheet.pdf.get_string_width(f"{key}: ")
        sheet.font()
        sheet.line(value, LEFT + (apart or width), sheet.y)
        sheet.truth.key_values.append((key, value))
        sheet.truth.pieces.append(f"{key}: {value}")
        sheet.y += 1.3 * sheet.line_height
    sheet.y += sheet.line_height
    sheet.paragraph(words.text(chance, 2))


def _decoys(sheet: Sheet, chance: Chance) -> None:
    """What has columns of its own and is no table: contents, addresses side by side, code."""
    sheet.font()
    for number in range(1, chance.randint(6, 12)):
        entry, page = f"{number} {words.title(chance)}", str(3 * number)
        dots = int((RIGHT - LEFT - 40 - sheet.pdf.get_string_width(entry)) / sheet.pdf.get_string_width(" ."))
        sheet.line(entry + " ." * dots, LEFT, sheet.y)
        sheet.line(page, RIGHT - sheet.pdf.get_string_width(page), sheet.y)
        sheet.y += sheet.line_height
        sheet.truth.pieces.append(entry)
    sheet.y += 2 * sheet.line_height
    _addresses(sheet, chance)
    sheet.paragraph(words.text(chance, 3))
    names = [words.word(chance).lower() for _ in range(5)]
    sheet.verbatim(
        [
            f"def {names[0]}({names[1]}):",
            f"    {names[2]} = {names[1]} + {chance.randint(1, 9)}   # {words.noun(chance)}",
            f"    if {names[2]} > 4:        # {words.noun(chance)}",
            f"        {names[3]}({names[4]})",
            f"    return {names[2]}",
        ]
    )
    sheet.paragraph(words.text(chance, 3))


def _addresses(sheet: Sheet, chance: Chance) -> None:
    """The sender's and the receiver's; which of them is read first, nobody can say."""
    for column in range(2):
        street, place = f"{chance.randint(1, 99)} {words.word(chance)} Street", f"{chance.randint(10000, 99999)} Town"
        for number, line in enumerate([words.name(chance), street, place, "United Kingdom"]):
            sheet.line(line, LEFT + 300 * column, sheet.y + number * sheet.line_height)
    sheet.y += 6 * sheet.line_height


KINDS: dict[str, Writer] = {
    "ruled": _ruled,
    "booktabs": _booktabs,
    "borderless": _borderless,
    "spanning ruled": _spanning_ruled,
    "spanning booktabs": _spanning_booktabs,
    "headings": _headings,
    "lists": _lists,
    "two columns": _columns(2),
    "three columns": _columns(3),
    "notes": _notes,
    "forms": _forms,
    "decoys": _decoys,
}
SCANNED_KINDS = ("ruled", "borderless", "spanning ruled", "two columns")
