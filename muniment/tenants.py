"""Tenants and their API keys, as `Client.tenants` and `Client.keys`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from muniment import tenant_calls
from muniment.models import ALL_SCOPES, ApiKey, Operation, Page, Scope, Tenant
from muniment.request_parts import code_of
from muniment.sending import Sender


class Tenants:
    """Tenants; the operator's key may do all of it, a tenant's key may read its own."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    def create(
        self,
        code: str,
        *,
        configuration: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Tenant:
        """A new tenant; `tenant.api_key.secret` is its first key and is never shown again."""
        return self._sender.send(tenant_calls.create_tenant(code, configuration, metadata))

    def get(self, tenant: Tenant | str | None = None) -> Tenant:
        """The tenant with its statistics; the client's own without an argument."""
        code = self._tenant(None if tenant is None else code_of(tenant))
        return self._sender.send(tenant_calls.get_tenant(code))

    def list(self, *, page_size: int = 50) -> Iterator[Tenant]:
        """All tenants, page by page as they are consumed."""
        return self._sender.iterate(lambda cursor: tenant_calls.list_tenants(page_size, cursor))

    def page(self, *, limit: int = 50, cursor: str | None = None) -> Page[Tenant]:
        return self._sender.send(tenant_calls.list_tenants(limit, cursor))

    def update(
        self,
        tenant: Tenant | str,
        *,
        configuration: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> Tenant:
        """Merge-patch configuration and metadata: what is left out stays, `None` inside goes back to the default.

            tenant = client.tenants.get("acme")
            client.tenants.update(tenant, configuration={"max_files": 1000})

        Raises VersionConflict when someone changed the tenant since it was read.
        """
        return self._sender.send(tenant_calls.update_tenant(tenant, version, configuration, metadata))

    def suspend(self, tenant: Tenant | str) -> Tenant:
        """Let the tenant be read, not changed: what runs is finished, queued extractions wait."""
        return self._sender.send(tenant_calls.suspend_tenant(code_of(tenant)))

    def resume(self, tenant: Tenant | str) -> Tenant:
        """Let a suspended tenant go on."""
        return self._sender.send(tenant_calls.resume_tenant(code_of(tenant)))

    def delete(self, tenant: Tenant | str, *, wait: float | None = 300.0) -> Operation:
        """Delete the tenant with all that it has, and wait up to `wait` seconds for the end of it (None: do not).

        `operation.result` proves it: `rows_left` and `bytes_left` are 0.
        """
        return self._sender.run(tenant_calls.delete_tenant_and_wait(code_of(tenant), wait))

    def operation(self, operation_id: str) -> Operation:
        return self._sender.send(tenant_calls.get_operation(operation_id))


class Keys:
    """A tenant's API keys (scope `tenant:admin`)."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    def create(
        self,
        scopes: Sequence[Scope] = ALL_SCOPES,
        *,
        name: str | None = None,
        time_expires: datetime | None = None,
        tenant: str | None = None,
    ) -> ApiKey:
        """A new key; its `secret` is never shown again."""
        code = self._tenant(tenant)
        return self._sender.send(tenant_calls.create_key(code, scopes, name, time_expires))

    def list(self, *, tenant: str | None = None) -> tuple[ApiKey, ...]:
        return self._sender.send(tenant_calls.list_keys(self._tenant(tenant)))

    def revoke(self, key: ApiKey | str, *, tenant: str | None = None) -> None:
        """Works at once, everywhere."""
        code = self._tenant(tenant)
        return self._sender.send(tenant_calls.revoke_key(code, key if isinstance(key, str) else key.id))
