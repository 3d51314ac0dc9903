"""Figures of several sides, side by side, with each side's share of one of them."""

from collections.abc import Mapping


class Table:
    def __init__(self, title: str, sides: list[str], baseline: str) -> None:
        self._title, self._sides, self._baseline = title, sides, baseline
        self._rows: list[tuple[str, Mapping[str, float]]] = []

    def add(self, what: str, figures: Mapping[str, float]) -> None:
        """More is better. A side that cannot do it is left out."""
        self._rows.append((what, figures))

    def __str__(self) -> str:
        heading = f"{self._title:32}" + "".join(f"{side:>26}" for side in self._sides)
        return "\n".join([heading, *(self._line(what, figures) for what, figures in self._rows)])

    def _line(self, what: str, figures: Mapping[str, float]) -> str:
        return f"{what:32}" + "".join(f"{self._cell(figures, side):>26}" for side in self._sides)

    def _cell(self, figures: Mapping[str, float], side: str) -> str:
        if side not in figures:
            return "-"
        share = figures[side] / figures[self._baseline]
        return f"{_readable(figures[side])} ({share:.2f})"


def _readable(figure: float) -> str:
    """Three digits that count."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"  # noqa: PLR2004
