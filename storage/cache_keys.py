"""Names of what is cached. A tenant's data carries its id, so that all of it can be found and removed."""

from uuid import UUID


def tenant_key(code: str) -> str:
    return f"tenant:{code}"


def api_key_key(key_id: str) -> str:
    return f"key:{key_id}"


def file_key(tenant_id: UUID, file_id: str) -> str:
    return f"file:{tenant_id}:{file_id}"


def result_key(tenant_id: UUID, job_id: str) -> str:
    return f"result:{tenant_id}:{job_id}"
