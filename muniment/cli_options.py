"""Options that many commands share, and the client that they lead to."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from muniment.client import Client

TenantOption = Annotated[
    str | None, typer.Option("--tenant", "-t", envvar="MUNIMENT_TENANT", help="Whose files.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting, such as max_files=1000 or archive.max_nesting_depth=2; null resets.",
    ),
]
MetadataOption = Annotated[
    list[str] | None, typer.Option("--metadata", "-m", metavar="KEY=VALUE", help="VALUE is JSON, or else text.")
]


@dataclass(frozen=True)
class Where:
    """The addresses that the command line names; the environment knows the rest, the key above all."""

    url: str | None = None
    files_url: str | None = None
    extraction_url: str | None = None


def client_for(context: typer.Context, tenant: str | None = None) -> Client:
    where = context.find_object(Where) or Where()
    return Client(where.url, files_url=where.files_url, extraction_url=where.extraction_url, tenant=tenant)


def assignments(given: Iterable[str] | None) -> dict[str, Any]:
    """`a.b=1` and `c=text` as `{"a": {"b": 1}, "c": "text"}`. Raises a usage error for anything else."""
    found: dict[str, Any] = {}
    for item in given or ():
        path, equals, value = item.partition("=")
        if not equals or not path:
            raise typer.BadParameter(f"'{item}' is not KEY=VALUE")
        _put(found, path.split("."), _value(value))
    return found


def flat_assignments(given: Iterable[str] | None) -> dict[str, Any]:
    """Like `assignments`, but a dot is part of the key."""
    found: dict[str, Any] = {}
    for item in given or ():
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"'{item}' is not KEY=VALUE")
        found[key] = _value(value)
    return found


def _put(target: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    for name in parents:
        target = target.setdefault(name, {})
        if not isinstance(target, dict):
            raise typer.BadParameter(f"'{name}' has a value of its own and cannot have parts")
    target[last] = value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
