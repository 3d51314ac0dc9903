"""Progress bars, in a terminal and in a notebook; shown only where a person watches."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from muniment.terminal_text import without_controls


@contextmanager
def transfer_bar(description: str, total: int | None = None) -> Iterator["Bar"]:
    """Bytes going one way."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with _bar(description, total, *columns) as bar:
        yield bar


@contextmanager
def count_bar(description: str, total: int | None = None, *, shown: bool = True) -> Iterator["Bar"]:
    """Things done out of so many, where that is to be shown."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with _bar(description, total, *columns, TimeRemainingColumn(), shown=shown) as bar:
        yield bar


@contextmanager
def _bar(description: str, total: int | None, *columns: Any, shown: bool = True) -> Iterator["Bar"]:
    console = Console(stderr=True)
    watched = shown and (console.is_terminal or console.is_jupyter)
    # In a notebook, what is printed meanwhile stands below the cell as it is. Through the bar it would become HTML, and
    # a warning that drawing the bar causes would draw it again, without end.
    redirected = not console.is_jupyter
    with Progress(
        *columns,
        console=console,
        transient=True,
        redirect_stdout=redirected,
        redirect_stderr=redirected,
        disable=not watched,
    ) as progress:
        yield Bar(progress, without_controls(description), total)


class Bar:
    """One line of progress."""

    def __init__(self, progress: Progress, description: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(description, total=total)

    def set(self, done: int, total: int | None) -> None:
        self._progress.update(self._task, completed=done, total=total)

    def describe(self, description: str) -> None:
        self._progress.update(self._task, description=without_controls(description))

    def advance(self) -> None:
        self._progress.advance(self._task)
