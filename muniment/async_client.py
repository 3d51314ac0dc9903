"""The client for asyncio programs: the methods of `Client`, to be awaited."""

import asyncio
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import httpx

from muniment import extraction_calls, file_calls
from muniment.async_batches import AsyncBatches
from muniment.async_extractions import AsyncExtractions
from muniment.async_files import AsyncFiles
from muniment.async_tenants import AsyncKeys, AsyncTenants
from muniment.async_webhooks import AsyncWebhooks
from muniment.calls import Flow
from muniment.client import Client
from muniment.connection import LIMITS, LOOPBACK_DIRECT, Connection
from muniment.document import Document
from muniment.documented import documented_by
from muniment.endpoints import SERVICES, Service
from muniment.extraction_calls import OnProgress
from muniment.many import Plan, Sources
from muniment.many_results import AsyncManyResults
from muniment.models import ExtractionOptions, ServiceHealth, StoredFile
from muniment.retries import RetryPolicy
from muniment.sending import AsyncSender
from muniment.upload_source import Progress, Uploadable


@documented_by(Client)
class AsyncClient:
    """`Client` for asyncio programs: the same arguments and methods, to be awaited.

    async with muniment.AsyncClient(api_key="mk_…", tenant="acme") as client:
        async for file in client.files.list(extension="pdf"):
            document = await client.extract(file)
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        files_url: str | None = None,
        extraction_url: str | None = None,
        api_key: str | None = None,
        tenant: str | None = None,
        timeout: float = 60.0,
        retries: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        connection = Connection.find(url, files_url, extraction_url, api_key, tenant, timeout, retries)
        mounts = dict(LOOPBACK_DIRECT) if transport is None else None
        self._use(AsyncSender(httpx.AsyncClient(transport=transport, limits=LIMITS, mounts=mounts), connection))

    def _use(self, sender: AsyncSender) -> None:
        self._sender = sender
        self.tenants, self.keys = AsyncTenants(sender), AsyncKeys(sender)
        self.webhooks = AsyncWebhooks(sender)
        self.files, self.extractions = AsyncFiles(sender), AsyncExtractions(sender)
        self.batches = AsyncBatches(sender)

    def for_tenant(self, tenant: str, api_key: str | None = None) -> "AsyncClient":
        other = copy(self)
        other._use(AsyncSender(self._sender.http, self._sender.connection.for_tenant(tenant, api_key)))  # noqa: SLF001
        return other

    async def extract(
        self,
        source: Uploadable | StoredFile,
        *,
        name: str | None = None,
        media_type: str | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        tenant: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as in the blocking client
        on_upload: Progress | None = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[ExtractionOptions],
    ) -> Document:
        connection = self._sender.connection
        code = connection.tenant_code(tenant)
        if isinstance(source, StoredFile):
            file: StoredFile | Flow[StoredFile] = source
        else:
            file = file_calls.upload(
                connection,
                code,
                source,
                name=name,
                media_type=media_type,
                tags=tags,
                metadata=metadata,
                progress=on_upload,
            )
        return await self._sender.run(extraction_calls.extract(code, file, options, timeout, on_progress))

    def extract_many(
        self,
        sources: Sources | str | Path,
        *,
        name: str = "",
        journal: str | Path | None = None,
        retries: int = 1,
        progress: bool = True,
        tenant: str | None = None,
        **options: Unpack[ExtractionOptions],
    ) -> AsyncManyResults:
        plan = Plan(name, options, None if journal is None else Path(journal), retries)
        client = self if tenant is None else self.for_tenant(tenant)
        return AsyncManyResults(client, [sources] if isinstance(sources, str | Path) else sources, plan, progress)

    async def health(self) -> tuple[ServiceHealth, ...]:
        return tuple(await asyncio.gather(*(self._health_of(service) for service in SERVICES)))

    async def _health_of(self, service: Service) -> ServiceHealth:
        connection = self._sender.connection
        try:
            answer: httpx.Response | httpx.TransportError = await self._sender.http.get(connection.health_url(service))
        except httpx.TransportError as error:
            answer = error
        return connection.health_of(service, answer)

    async def close(self) -> None:
        await self._sender.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def client_over(connection: Connection) -> AsyncClient:
    """A client with connections of its own, to where another one speaks."""
    client = AsyncClient.__new__(AsyncClient)
    client._use(AsyncSender(httpx.AsyncClient(limits=LIMITS, mounts=dict(LOOPBACK_DIRECT)), connection))  # noqa: SLF001
    return client
