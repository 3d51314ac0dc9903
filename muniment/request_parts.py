"""Parts that many requests share: paths, pages, versions."""

import uuid
from typing import Any
from urllib.parse import quote

from muniment.models import Job, StoredFile, Tenant

LONGEST_POLL = 30.0
"""Seconds that one request may be held back by the service: below what proxies cut."""

Params = tuple[tuple[str, str], ...]


def tenant_path(code: str) -> str:
    return f"/v1/tenants/{quote(code, safe='')}"


def page_params(limit: int, cursor: str | None) -> Params:
    return (("limit", str(limit)), *((("cursor", cursor),) if cursor else ()))


def patch_headers(version: int) -> dict[str, str]:
    return {"If-Match": f'"m{version}"', "Content-Type": "application/merge-patch+json"}


def version_of(thing: object, version: int | None) -> int:
    """The version that a change builds on: the given one, or that of the object as it was read."""
    known = version if version is not None else getattr(thing, "version", None)
    if not isinstance(known, int):
        raise TypeError("Say which version you change: pass the object as it was read, or version=…")
    return known


def code_of(tenant: Tenant | str) -> str:
    return tenant if isinstance(tenant, str) else tenant.code


def id_of(thing: StoredFile | Job | str) -> str:
    return thing if isinstance(thing, str) else thing.id


def segment(id: str) -> str:  # noqa: A002 - the contract's name
    """An id as one path segment, whatever is in it."""
    return quote(id, safe="")


def new_idempotency_key() -> str:
    return uuid.uuid4().hex


def without_none(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}
