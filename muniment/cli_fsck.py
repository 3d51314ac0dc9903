"""The command that compares what the file service has in its database and on its volume."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print the report for programs, and for --repair.")]
Hashes = Annotated[bool, typer.Option("--hashes", help="Read all bytes too, and compare their SHA-256.")]
Tenant = Annotated[str | None, typer.Option("--tenant", "-t", metavar="CODE", help="Check only this one.")]
Grace = Annotated[
    float | None,
    typer.Option(min=0, metavar="SECONDS", help="Spare what is younger; else MUNIMENT_UPLOAD_GRACE_SECONDS."),
]
Repair = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, metavar="REPORT", help="Repair what this report lists and still is so."),
]
Accept = Annotated[
    int | None,
    typer.Option(min=0, metavar="ITEMS", help="Repair up to so many items, although it is much (1 % or 1,000)."),
]


def fsck(
    *,
    as_json: AsJson = False,
    hashes: Hashes = False,
    tenant: Tenant = None,
    grace: Grace = None,
    repair: Repair = None,
    accept: Accept = None,
) -> None:
    """Compare rows, bytes and counters of the file service; only --repair changes anything.

    Exit codes: 0 nothing found, or all settled; 1 something found, or left; 2 it could not be done.
    """
    from muniment.local import fsck as local
    from storage.settings import get_settings

    settings = get_settings()
    seconds = settings.upload_grace_seconds if grace is None else grace
    if repair is not None:
        raise typer.Exit(local.repair(settings, repair, seconds, accept, as_json=as_json))
    raise typer.Exit(local.check(settings, seconds, tenant, hashes=hashes, as_json=as_json))
