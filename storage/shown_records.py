"""Records as others see them: in answers and in events. Plain JSON, without anything that is for the services alone."""

from datetime import datetime

from storage.extraction_records import JobRecord
from storage.models import Json
from storage.records import FileRecord, TenantRecord
from storage.times import utc


def file_out(record: FileRecord) -> Json:
    return {
        "id": record.id,
        "file_name": record.file_name,
        "file_size_bytes": record.file_size_bytes,
        "media_type": record.media_type,
        "declared_media_type": record.declared_media_type,
        "extension": record.extension,
        "time_created": utc(record.time_created),
        "tags": record.tags,
        "metadata": record.metadata,
        "sha256": record.sha256,
        "storage_path": record.storage_path,
        "version": record.version,
    }


def tenant_out(record: TenantRecord) -> Json:
    return {
        "id": str(record.id),
        "code": record.code,
        "status": record.status,
        "configuration": record.rules.model_dump(mode="json"),
        "metadata": record.metadata,
        "time_created": utc(record.time_created),
        "version": record.version,
    }


def job_out(job: JobRecord, tenant_code: str) -> Json:
    body: Json = {
        "id": job.id,
        "file_id": job.file_id,
        "tenant_code": tenant_code,
        "state": job.state,
        "options": job.options,
        "progress": {"pages_done": job.pages_done, "pages_total": job.pages_total},
        "attempt": job.attempt,
        "cached": job.cached,
        "time_created": _time(job.time_created),
        "time_started": _time(job.time_started),
        "time_finished": _time(job.time_finished),
    }
    if job.error is not None:
        body["error"] = job.error
    if job.batch_id is not None:
        body["batch_id"] = job.batch_id
    return body


def _time(moment: datetime | None) -> str | None:
    return utc(moment) if moment else None
