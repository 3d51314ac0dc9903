"""What all uploads have in common, however their bytes come: a reservation before, a judgement and a commit after."""

import logging
from typing import Any, Protocol
from uuid import uuid4

from actors.tenant_changes import IdempotentRequest
from actors.upload_changes import AbandonFile, CommitFile, ReserveFile
from serve_apps.services import Services
from storage.errors import MunimentError
from storage.files_on_disk import Received
from storage.records import FileRecord, TenantRecord
from storage.upload_checks.file_names import display_name, extension_of
from storage.upload_checks.verdict import check_content

log = logging.getLogger(__name__)


class Described(Protocol):
    """What an uploader says of a file. The name is as it was given, the type without parameters."""

    @property
    def file_name(self) -> str: ...
    @property
    def declared_media_type(self) -> str: ...
    @property
    def tags(self) -> list[str]: ...
    @property
    def metadata(self) -> dict[str, Any]: ...


async def reserve_file(
    services: Services, tenant: TenantRecord, file_id: str, described: Described, size: int, least_size: int = 0
) -> str:
    """Take `size` bytes of the quota for the file. Answers the path where its bytes will lie.

    Where the size is not known it is 0, and `least_size` is what must fit at least.
    """
    name = display_name(described.file_name)
    change = ReserveFile(
        call_id=uuid4(),
        id=file_id,
        file_name=name,
        declared_media_type=described.declared_media_type,
        extension=extension_of(name),
        reserved_bytes=size,
        least_bytes=least_size,
    )
    return await services.tenants.call(tenant, change)


async def keep_and_commit(
    services: Services,
    tenant: TenantRecord,
    file_id: str,
    path: str,
    described: Described,
    received: Received,
    request: IdempotentRequest | None = None,
) -> FileRecord:
    """The record of the reserved file when its bytes are durable and it is visible. Raises why it is not kept."""
    name = display_name(described.file_name)
    with services.disk.errors():
        verdict = await check_content(
            received.path,
            received.size,
            name,
            described.declared_media_type,
            tenant.rules,
            services.archives,
            tenant.id,
        )
    await services.disk.keep(received, path)
    change = CommitFile(
        call_id=uuid4(),
        id=file_id,
        file_size_bytes=received.size,
        media_type=verdict.media_type,
        sha256=received.sha256,
        tags=described.tags,
        metadata=described.metadata,
        request=request,
    )
    return await services.tenants.call(tenant, change)


async def give_up(
    services: Services, tenant: TenantRecord, file_id: str, path: str, *, row_is_gone: bool = False
) -> None:
    """Leave nothing of a file that was reserved. Whatever fails here the sweeper does later."""
    try:
        if row_is_gone:
            # Its tenant is gone, or the sweeper took it for dead: no row will ever name the bytes.
            await services.disk.remove(path)
        await services.tenants.call(tenant, AbandonFile(uuid4(), file_id))
    except MunimentError as failure:
        log.warning("upload left to the sweeper", extra={"file": file_id, "reason": str(failure)})
