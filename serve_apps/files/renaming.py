"""A file's new name, held against what the file is."""

from serve_apps.files.file_reading import find_file
from serve_apps.services import Services
from storage.errors import NotFound, Unavailable
from storage.records import TenantRecord
from storage.upload_checks.file_names import extension_of
from storage.upload_checks.verdict import check_renaming


async def refuse_false_name(services: Services, tenant: TenantRecord, file_id: str, name: str) -> None:
    """Raises `MediaTypeMismatch` where the file could not have been uploaded under this `display_name`."""
    record = await find_file(services, tenant, file_id)
    if extension_of(name) == record.extension:
        return
    try:
        await check_renaming(services.disk.path(record.storage_path), record.media_type, name)
    except FileNotFoundError:
        services.disk.expect_volume()
        raise NotFound("file") from None
    except OSError as error:
        raise Unavailable("storage volume") from error
