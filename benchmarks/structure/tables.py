"""Tables by chance: what stands in them, and how they look."""

from dataclasses import replace

from benchmarks.structure import words
from benchmarks.structure.sheet import LEFT, RIGHT, Lines, Sheet, TableSpec
from benchmarks.structure.truth import Cell, TableCells, grid_cells
from benchmarks.structure.words import Chance

_COLUMNS: tuple[tuple[words.Maker, str, str, float], ...] = (
    (words.word, "l", "Part", 1.2),
    (words.name, "l", "Person", 1.6),
    (words.number, "r", "Count", 1.0),
    (words.amount, "r", "Amount", 1.2),
    (words.share, "r", "Share", 0.9),
    (words.date, "c", "Date", 1.2),
    (words.code, "l", "Code", 1.1),
    (words.remark, "l", "Remark", 1.8),
)
"""What makes a cell, how it is aligned, a heading, and its share of the width."""


def plain_table(chance: Chance, lines: Lines) -> TableSpec:
    """A header, rows, some empty cells; never an empty first column, which would be no row at all."""
    chosen = [_COLUMNS[0], *chance.sample(_COLUMNS[1:], chance.randint(2, 4))]
    rows = [[heading for _, _, heading, _ in chosen]]
    makers = [make for make, *_ in chosen]
    rows += [[_cell(chance, at, make) for at, make in enumerate(makers)] for _ in range(chance.randint(3, 9))]
    total = sum(share for *_, share in chosen)
    width = chance.uniform(0.75, 1.0) * (RIGHT - LEFT)
    return TableSpec(
        cells=grid_cells(rows),
        widths=[share / total * width for *_, share in chosen],
        aligned="".join(aligned for _, aligned, *_ in chosen),
        lines=lines,
        bold_header=words.likely(chance, 0.75),
        padding=chance.uniform(2.0, 7.0),
    )


def _cell(chance: Chance, column: int, make: words.Maker) -> str:
    is_empty = column > 0 and words.likely(chance, 0.06)
    return "" if is_empty else make(chance)


def spanning_table(chance: Chance, lines: Lines) -> TableSpec:
    """Two header rows: a first column that spans both, then groups of columns below a heading each."""
    groups = chance.randint(2, 3)
    columns = 1 + 2 * groups
    header = [Cell(0, 0, words.word(chance), row_span=2)]
    header += [Cell(0, 1 + 2 * group, str(2021 + group), column_span=2) for group in range(groups)]
    header += [Cell(1, column, ("Planned", "Real")[(column - 1) % 2]) for column in range(1, columns)]
    body = [
        Cell(row, column, words.amount(chance) if column else words.word(chance))
        for row in range(2, chance.randint(5, 9))
        for column in range(columns)
    ]
    return TableSpec(
        cells=_numbers_apart((*header, *body)),
        widths=[90.0, *[(RIGHT - LEFT - 90) / (columns - 1)] * (columns - 1)],
        aligned="l" + "r" * (columns - 1),
        lines=lines,
        header_rows=2,
        padding=chance.uniform(3.0, 6.0),
    )


def row_groups_table(chance: Chance) -> TableSpec:
    """Ruled; cells of the first column span two rows or three."""
    cells, row = [*grid_cells([["Region", "Person", "Amount"]])], 1
    for _ in range(chance.randint(2, 4)):
        span = chance.randint(2, 3)
        cells.append(Cell(row, 0, words.word(chance), row_span=span))
        for each in range(row, row + span):
            cells += [Cell(each, 1, words.name(chance)), Cell(each, 2, words.amount(chance))]
        row += span
    return TableSpec(tuple(cells), [110, 160, 110], "llr", "ruled", padding=chance.uniform(3.0, 6.0))


def _numbers_apart(cells: TableCells) -> TableCells:
    """Negative amounts are fine, dollars in seven columns are too wide."""
    return tuple(replace(cell, text=cell.text.replace("$", "")) for cell in cells)


def write_between_text(sheet: Sheet, chance: Chance, spec: TableSpec) -> None:
    """Text above and below, so that a table has to be told from it."""
    sheet.paragraph(words.text(chance, chance.randint(2, 5)))
    left = chance.choice([LEFT, LEFT, (LEFT + RIGHT - sum(spec.widths)) / 2])
    sheet.table(spec, left)
    sheet.paragraph(words.text(chance, chance.randint(2, 5)))
