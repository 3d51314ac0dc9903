"""The command that shows what was told."""

from typing import Annotated

import typer

Last = Annotated[int, typer.Option("--last", "-n", min=0, metavar="COUNT", help="So many that were told already.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is told from now, until Ctrl-C.")]
Tenant = Annotated[str | None, typer.Option("--tenant", "-t", metavar="CODE", help="Only those about this one.")]


def events(*, last: Last = 10, follow: Follow = False, tenant: Tenant = None) -> None:
    """Show events as they are in the Redis stream, one JSON document a line. Takes nothing from its consumers."""
    from muniment.local.event_tail import EventTail
    from storage.settings import get_settings

    for event in EventTail.of(get_settings()).read(last, tenant, follow=follow):
        typer.echo(event)
