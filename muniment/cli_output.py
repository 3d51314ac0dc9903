"""How the command line speaks: results on stdout, as text or JSON; everything else on stderr."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from muniment.decoding import encode
from muniment.errors import JobFailed, MunimentError, Problem
from muniment.terminal_text import without_controls


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
    return without_controls(str(value))


def print_error(error: BaseException, about: str = "") -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    before = f"{about}: " if about else ""
    console.print(Text("error: ", style="bold red") + Text(without_controls(before + error_text(error))))
    if isinstance(error, Problem):
        for field in error.errors:
            console.print(Text(f"  {field.pointer or '/'}: {without_controls(field.detail)}"))
        if error.request_id:
            console.print(Text(f"  request {without_controls(error.request_id)}", style="dim"))


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
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(without_controls(text), style="dim"))
