"""Tenants and their API keys, as `AsyncClient.tenants` and `AsyncClient.keys`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from muniment import tenant_calls
from muniment.documented import documented_by
from muniment.models import ALL_SCOPES, ApiKey, Operation, Page, Scope, Tenant
from muniment.request_parts import code_of
from muniment.sending import AsyncSender
from muniment.tenants import Keys, Tenants


@documented_by(Tenants)
class AsyncTenants:
    """`Tenants`, to be awaited."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    async def create(
        self,
        code: str,
        *,
        configuration: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Tenant:
        return await self._sender.send(tenant_calls.create_tenant(code, configuration, metadata))

    async def get(self, tenant: Tenant | str | None = None) -> Tenant:
        code = self._tenant(None if tenant is None else code_of(tenant))
        return await self._sender.send(tenant_calls.get_tenant(code))

    def list(self, *, page_size: int = 50) -> AsyncIterator[Tenant]:
        return self._sender.iterate(lambda cursor: tenant_calls.list_tenants(page_size, cursor))

    async def page(self, *, limit: int = 50, cursor: str | None = None) -> Page[Tenant]:
        return await self._sender.send(tenant_calls.list_tenants(limit, cursor))

    async def update(
        self,
        tenant: Tenant | str,
        *,
        configuration: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> Tenant:
        return await self._sender.send(tenant_calls.update_tenant(tenant, version, configuration, metadata))

    async def suspend(self, tenant: Tenant | str) -> Tenant:
        return await self._sender.send(tenant_calls.suspend_tenant(code_of(tenant)))

    async def resume(self, tenant: Tenant | str) -> Tenant:
        return await self._sender.send(tenant_calls.resume_tenant(code_of(tenant)))

    async def delete(self, tenant: Tenant | str, *, wait: float | None = 300.0) -> Operation:
        return await self._sender.run(tenant_calls.delete_tenant_and_wait(code_of(tenant), wait))

    async def operation(self, operation_id: str) -> Operation:
        return await self._sender.send(tenant_calls.get_operation(operation_id))


@documented_by(Keys)
class AsyncKeys:
    """`Keys`, to be awaited."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    async def create(
        self,
        scopes: Sequence[Scope] = ALL_SCOPES,
        *,
        name: str | None = None,
        time_expires: datetime | None = None,
        tenant: str | None = None,
    ) -> ApiKey:
        code = self._tenant(tenant)
        return await self._sender.send(tenant_calls.create_key(code, scopes, name, time_expires))

    async def list(self, *, tenant: str | None = None) -> tuple[ApiKey, ...]:
        return await self._sender.send(tenant_calls.list_keys(self._tenant(tenant)))

    async def revoke(self, key: ApiKey | str, *, tenant: str | None = None) -> None:
        code = self._tenant(tenant)
        return await self._sender.send(tenant_calls.revoke_key(code, key if isinstance(key, str) else key.id))
