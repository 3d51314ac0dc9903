"""Calls and flows about tenants, their keys, and operations on them."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from muniment.calls import Call, Flow, Pause, reads, reads_items, reads_nothing, reads_page, send
from muniment.decoding import encode
from muniment.errors import WaitTimedOut
from muniment.models import ApiKey, Operation, Page, Tenant
from muniment.request_parts import (
    LONGEST_POLL,
    code_of,
    page_params,
    patch_headers,
    segment,
    tenant_path,
    version_of,
    without_none,
)


def create_tenant(
    code: str, configuration: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None
) -> Call[Tenant]:
    body = without_none(code=code, configuration=configuration, metadata=metadata)
    return Call("files", "POST", "/v1/tenants", reads(Tenant), json=body, repeatable=False)


def get_tenant(code: str) -> Call[Tenant]:
    return Call("files", "GET", tenant_path(code), reads(Tenant))


def list_tenants(limit: int, cursor: str | None) -> Call[Page[Tenant]]:
    return Call("files", "GET", "/v1/tenants", reads_page(Tenant), page_params(limit, cursor))


def update_tenant(
    tenant: Tenant | str,
    version: int | None,
    configuration: Mapping[str, Any] | None,
    metadata: Mapping[str, Any] | None,
) -> Call[Tenant]:
    """A merge patch: `None` inside of it sets a value back to its default, or removes it."""
    return Call(
        "files",
        "PATCH",
        tenant_path(code_of(tenant)),
        reads(Tenant),
        headers=patch_headers(version_of(tenant, version)),
        json=without_none(configuration=configuration, metadata=metadata),
        repeatable=False,
    )


def delete_tenant(code: str, prefer_wait: float) -> Call[Operation]:
    """Not repeatable: a second try would answer that there is no such tenant."""
    return Call(
        "files",
        "DELETE",
        tenant_path(code),
        reads(Operation),
        headers={"Prefer": f"wait={prefer_wait:.0f}"} if prefer_wait else {},
        repeatable=False,
        waits=prefer_wait,
    )


def suspend_tenant(code: str) -> Call[Tenant]:
    return Call("files", "POST", f"{tenant_path(code)}:suspend", reads(Tenant))


def resume_tenant(code: str) -> Call[Tenant]:
    return Call("files", "POST", f"{tenant_path(code)}:resume", reads(Tenant))


def get_operation(operation_id: str) -> Call[Operation]:
    return Call("files", "GET", f"/v1/operations/{segment(operation_id)}", reads(Operation))


def delete_tenant_and_wait(code: str, wait: float | None) -> Flow[Operation]:
    started = time.monotonic()
    operation = yield from send(delete_tenant(code, min(wait or 0.0, LONGEST_POLL)))
    if wait is None:
        return operation
    return (yield from _wait_for_operation(operation, wait, started))


def _wait_for_operation(operation: Operation, seconds: float, started: float) -> Flow[Operation]:
    pause = 0.1
    while not operation.finished:
        left = started + seconds - time.monotonic()
        if left <= 0:
            raise WaitTimedOut(operation.id, operation.state, seconds)
        yield Pause(min(pause, left))
        pause = min(pause * 1.5, 2.0)
        operation = yield from send(get_operation(operation.id))
    return operation.raise_for_failure()


def create_key(tenant: str, scopes: Sequence[str], name: str | None, time_expires: datetime | None) -> Call[ApiKey]:
    body = without_none(scopes=list(scopes), name=name, time_expires=encode(time_expires))
    return Call("files", "POST", _keys_path(tenant), reads(ApiKey), json=body, repeatable=False)


def list_keys(tenant: str) -> Call[tuple[ApiKey, ...]]:
    return Call("files", "GET", _keys_path(tenant), reads_items(ApiKey))


def revoke_key(tenant: str, key_id: str) -> Call[None]:
    path = f"{_keys_path(tenant)}/{segment(key_id)}"
    return Call("files", "DELETE", path, reads_nothing, done_statuses=(404,))


def _keys_path(tenant: str) -> str:
    return f"{tenant_path(tenant)}/api-keys"
