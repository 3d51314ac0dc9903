"""The blocking client: for notebooks and scripts. `AsyncClient` has the same methods for asyncio programs."""

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import httpx

from muniment import extraction_calls, file_calls
from muniment.batches import Batches
from muniment.calls import Flow
from muniment.connection import LIMITS, LOOPBACK_DIRECT, Connection
from muniment.document import Document
from muniment.endpoints import SERVICES, Service
from muniment.extraction_calls import OnProgress
from muniment.extractions import Extractions
from muniment.files import Files
from muniment.many import Plan, Sources
from muniment.many_results import ManyResults
from muniment.models import ExtractionOptions, ServiceHealth, StoredFile
from muniment.retries import RetryPolicy
from muniment.sending import Sender
from muniment.tenants import Keys, Tenants
from muniment.upload_source import Progress, Uploadable
from muniment.webhooks import Webhooks


class Client:
    """A Muniment, from this side of the network.

        with muniment.Client("http://127.0.0.1:8000", api_key="mk_…", tenant="acme") as client:
            file = client.files.upload("report.pdf", tags=["2026"])
            document = client.extract("scan.png")
            print(document.content)

    `url` is the gateway's; `files_url` and `extraction_url` are the services' own ports and win over it. Files over
    16 MiB are sent in pieces, and go on where a connection broke. Without any of the three URLs, MUNIMENT_URL,
    MUNIMENT_FILES_URL and MUNIMENT_EXTRACTION_URL count, else this machine's default ports. `api_key` and `tenant`
    default to MUNIMENT_API_KEY and MUNIMENT_TENANT; each call can name another `tenant`.

    Calls that are safe to repeat are repeated when the connection breaks or the service is overloaded, as `retries`
    says. Everything raised on purpose is a `MunimentError`; refusals are `Problem`s. May be used from several threads.
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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        connection = Connection.find(url, files_url, extraction_url, api_key, tenant, timeout, retries)
        mounts = dict(LOOPBACK_DIRECT) if transport is None else None
        self._use(Sender(httpx.Client(transport=transport, limits=LIMITS, mounts=mounts), connection))

    def _use(self, sender: Sender) -> None:
        self._sender = sender
        self.tenants, self.keys = Tenants(sender), Keys(sender)
        self.webhooks = Webhooks(sender)
        self.files, self.extractions = Files(sender), Extractions(sender)
        self.batches = Batches(sender)

    def for_tenant(self, tenant: str, api_key: str | None = None) -> "Client":
        """The same connections for another tenant; closing either closes both."""
        other = copy(self)
        other._use(Sender(self._sender.http, self._sender.connection.for_tenant(tenant, api_key)))  # noqa: SLF001
        return other

    def extract(
        self,
        source: Uploadable | StoredFile,
        *,
        name: str | None = None,
        media_type: str | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        tenant: str | None = None,
        timeout: float | None = None,
        on_upload: Progress | None = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[ExtractionOptions],
    ) -> Document:
        """Upload (unless it is stored), extract, wait, and give the document.

            client.extract("report.pdf").content
            client.extract(file, ocr="force", pages="1-3")

        Raises JobFailed when it cannot be read, WaitTimedOut after `timeout` seconds (None: as long as it takes).
        """
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
        return self._sender.run(extraction_calls.extract(code, file, options, timeout, on_progress))

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
    ) -> ManyResults:
        """Upload what is not stored yet, extract all of it, and give each outcome as soon as it is there.

            frame = client.extract_many("inbox/").to_pandas()
            client.extract_many(sorted(Path("scans").glob("*.pdf")), journal="scans.jsonl").to_parquet("scans.parquet")
            for outcome in client.extract_many({"tags": ["2026"]}, ocr="never"): ...

        `sources` are paths (of folders too), files' ids and stored files, or a filter of the file list. One that is
        refused or cannot be read is an outcome with an `error` and holds up nothing. `journal` names a file in which
        uploads are noted: the same call goes on after an interruption without sending them again. Failures that may
        mend are tried again up to `retries` times. `progress` shows a bar, in a notebook as well.
        """
        plan = Plan(name, options, None if journal is None else Path(journal), retries)
        connection = self._sender.connection
        if tenant is not None:
            connection = connection.for_tenant(tenant, None)
        return ManyResults(connection, [sources] if isinstance(sources, str | Path) else sources, plan, progress)

    def health(self) -> tuple[ServiceHealth, ...]:
        """Whether each service is ready; never raises because one is not."""
        return tuple(self._health_of(service) for service in SERVICES)

    def _health_of(self, service: Service) -> ServiceHealth:
        connection = self._sender.connection
        try:
            answer: httpx.Response | httpx.TransportError = self._sender.http.get(connection.health_url(service))
        except httpx.TransportError as error:
            answer = error
        return connection.health_of(service, answer)

    def close(self) -> None:
        self._sender.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
