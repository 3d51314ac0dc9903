"""The commands that run a Muniment on this machine. Heavy imports stand in the functions."""

from typing import Annotated

import typer

Demo = Annotated[bool, typer.Option("--demo", help="Also upload a sample set, extract it, and show what came back.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def up(*, demo: Demo = False) -> None:
    """Run a whole Muniment here: database, cache, Ray, services. Ctrl-C stops all of it."""
    from muniment.local.up import up as run
    from storage.settings import get_settings

    raise typer.Exit(run(get_settings(), demo=demo))


def status(*, as_json: AsJson = False) -> None:
    """Show where the Muniment of this home listens, its processes, and what it holds."""
    from muniment.local.status_report import show
    from storage.settings import get_settings

    raise typer.Exit(show(get_settings(), as_json=as_json))
