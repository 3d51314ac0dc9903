"""How the command line speaks: results on stdout, as text or JSON; everything else on stderr."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
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
from rich.table import Table
from rich.text import Text

from muniment.decoding import encode
from muniment.errors import JobFailed, MunimentError, Problem


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(encode(value), ensure_ascii=False, indent=2) + "\n")


def print_line(text: str) -> None:
    sys.stdout.write(text + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Aligned columns on a terminal; tab-separated lines in a pipe, where nothing may be cut."""
    if not sys.stdout.isatty():
        for row in rows:
            print_line("\t".join(shown(value) for value in row))
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(shown(value)) for value in row))
    Console().print(table)


def print_fields(value: Any) -> None:
    """One thing, a field a line."""
    fields = encode(value)
    width = max(len(name) for name in fields)
    for name, content in fields.items():
        print_line(f"{name:<{width}}  {shown(content)}")


def shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(encode(value), ensure_ascii=False) if value else "-"
    return _without_controls(str(value))


def _without_controls(text: str) -> str:
    """Names and metadata are other people's text: no escape sequences reach the terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def print_error(error: BaseException, about: str = "") -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    before = f"{about}: " if about else ""
    console.print(Text("error: ", style="bold red") + Text(_without_controls(before + error_text(error))))
    if isinstance(error, Problem):
        for field in error.errors:
            console.print(Text(f"  {field.pointer or '/'}: {_without_controls(field.detail)}"))
        if error.request_id:
            console.print(Text(f"  request {_without_controls(error.request_id)}", style="dim"))


def error_text(error: BaseException) -> str:
    if isinstance(error, Problem):
        reason = f", {error.reason}" if error.reason else ""
        return f"{error.detail or error.title} ({error.status} {error.code}{reason})"
    if isinstance(error, JobFailed):
        return f"{error.message} ({error.code}; file {error.file_id}, job {error.job_id})"
    if isinstance(error, (MunimentError, OSError)):
        return str(error)
    return f"{type(error).__name__}: {error}"


def note(text: str) -> None:
    """Something for a person, not for a pipe."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(_without_controls(text), style="dim"))


@contextmanager
def transfer_bar(description: str, total: int | None = None) -> Iterator["Bar"]:
    """Bytes going one way; shown only where a person watches."""
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
    with Progress(*columns, console=console, transient=True, disable=not watched) as progress:
        yield Bar(progress, _without_controls(description), total)


class Bar:
    """One line of progress."""

    def __init__(self, progress: Progress, description: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(description, total=total)

    def set(self, done: int, total: int | None) -> None:
        self._progress.update(self._task, completed=done, total=total)

    def describe(self, description: str) -> None:
        self._progress.update(self._task, description=_without_controls(description))

    def advance(self) -> None:
        self._progress.advance(self._task)
