"""Names of what is cached. A tenant's data carries its id, so that all of it can be found and removed."""

import hashlib
from uuid import UUID


def tenant_key(code: str) -> str:
    return f"tenant:{code}"


def api_key_key(key_id: str) -> str:
    return f"key:{key_id}"


def file_key(tenant_id: UUID, file_id: str) -> str:
    return f"file:{tenant_id}:{file_id}"


def result_key(tenant_id: UUID, job_id: str) -> str:
    return f"result:{tenant_id}:{job_id}"


def fence_of(tenant_id: str) -> str:
    """What keeps a deleted tenant's data from being cached again. It does not name the tenant: nothing of it stays."""
    return f"fence:{hashlib.sha256(tenant_id.encode()).hexdigest()[:32]}"


def fence_before(key: str) -> str:
    """The fence of the tenant whose data is under the key."""
    return fence_of([*key.split(":", 2), ""][1])
