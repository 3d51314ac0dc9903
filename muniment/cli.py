"""The command line `muniment`.

Exit codes: 0 done, 1 a problem (told on stderr, with the request's id), 2 wrong usage, 130 interrupted.
"""

import functools
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from muniment import cli_corpus, cli_extract, cli_files, cli_tenants, cli_webhooks
from muniment.cli_options import Where
from muniment.cli_output import print_error
from muniment.errors import MunimentError

LOCAL_COMMANDS = {"up": "cli_local", "status": "cli_local", "fsck": "cli_fsck", "events": "cli_events"}
"""By their modules, which need what a client does not have."""
INSTALL = "pip install 'muniment[server,extraction,embedded]'"


class Commands(TyperGroup):
    """Commands about services on this machine are imported when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*LOCAL_COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return local_command(cmd_name) if cmd_name in LOCAL_COMMANDS else super().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Store documents in a Muniment, and read back their text, tables and geometry.",
    epilog="The key comes from MUNIMENT_API_KEY, never from the command line, where others could read it.",
)
for part in (cli_files, cli_extract, cli_tenants, cli_webhooks, cli_corpus):
    part.register(app)


@app.callback()
def where(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(metavar="URL", help="The gateway; else MUNIMENT_URL.")] = None,
    files_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The file service's own port; else MUNIMENT_FILES_URL.")
    ] = None,
    extraction_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The extraction service's own port; else MUNIMENT_EXTRACTION_URL."),
    ] = None,
) -> None:
    context.obj = Where(url, files_url, extraction_url)


def local_command(name: str) -> Any:
    """A command about services on this machine, whose module has imports of its own."""
    single = typer.Typer(add_completion=False)
    try:
        command = getattr(importlib.import_module(f"muniment.{LOCAL_COMMANDS[name]}"), name)
    except ModuleNotFoundError as error:
        command = _only_says_what_is_missing(error)
    single.command(name)(_needing_servers(command))
    return typer.main.get_command(single)


def _only_says_what_is_missing(missing: ModuleNotFoundError) -> Callable[[], None]:
    def command() -> None:
        """Needs the services, which are not installed here."""
        raise missing

    return command


def _needing_servers(command: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except ModuleNotFoundError as error:
            raise MunimentError(f"This needs the services ({error.name} is not installed): {INSTALL}") from error

    return run


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script; `arguments` default to the process's own."""
    try:
        app(arguments, prog_name="muniment")
    except (MunimentError, OSError) as error:
        print_error(error)
        sys.exit(1)
