"""The file service as its contract has it, in memory: what each call is answered, and what it changes.

It knows nothing of how the service works. Calls are methods that answer what is expected; ids and times are whatever
the service makes of them the first time, and the same from then on.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import ANY

from storage.merge_patch import merge_patch
from storage.tenant_configuration import TenantConfiguration
from storage.upload_checks.file_names import extension_of

Json = dict[str, Any]
OPERATOR, NOBODY = "operator", "nobody"
"""Who calls, beside the codes of tenants, whose first key they use."""


@dataclass(frozen=True)
class Expected:
    """An answer: a problem where there is a code, else the whole body (None: no body), with its tag."""

    status: int
    body: Any = None
    code: str = ""
    etag: str = ""
    """How the tag begins; a tenant's ends with a hash of its statistics."""
    replayed: bool = False
    learn: Callable[[Json], None] = lambda _: None
    """Takes the answer's body, which has what only the service knows."""


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.expected = Expected(status, code=code)


@dataclass
class Tenant:
    code: str
    id: str = field(default_factory=lambda: ANY)
    time_created: str = field(default_factory=lambda: ANY)
    status: str = "active"
    version: int = 1
    configuration: Json = field(default_factory=dict)
    metadata: Json = field(default_factory=dict)
    files: dict[str, Json] = field(default_factory=dict)
    """What is shown of each, in order of creation."""
    answers: dict[str, tuple[object, Json]] = field(default_factory=dict)
    """By idempotency key: what was asked, and what was answered."""

    @property
    def rules(self) -> TenantConfiguration:
        return TenantConfiguration.model_validate(self.configuration)

    def shown(self) -> Json:
        by_type: dict[str, Json] = {}
        for file in self.files.values():
            line = by_type.setdefault(file["media_type"], {"file_count": 0, "total_bytes": 0})
            line["file_count"] += 1
            line["total_bytes"] += file["file_size_bytes"]
        stats = {"file_count": len(self.files), "total_bytes": self.total_bytes, "reserved_bytes": 0}
        return {
            "id": self.id,
            "code": self.code,
            "status": self.status,
            "configuration": self.rules.model_dump(mode="json"),
            "metadata": self.metadata,
            "time_created": self.time_created,
            "version": self.version,
            "stats": stats | {"by_media_type": by_type, "extraction_count": 0},
        }

    @property
    def total_bytes(self) -> int:
        return sum(file["file_size_bytes"] for file in self.files.values())

    def expect_version(self, seen: int | None, present: int) -> None:
        if seen is not None and seen != present:
            raise Refused(412, "version-conflict")


class FileModel:
    def __init__(self) -> None:
        self.tenants: dict[str, Tenant] = {}
        self.retired: set[str] = set()

    def _authorized(self, caller: str, code: str, *, changes: bool = False, administers: bool = False) -> Tenant:
        # The key of a deleted tenant is a key no more.
        if caller == NOBODY or (caller != OPERATOR and caller not in self.tenants):
            raise Refused(401, "unauthorized")
        if code not in self.tenants or caller not in {OPERATOR, code}:
            raise Refused(404, "not-found")
        tenant = self.tenants[code]
        if tenant.status == "suspended" and changes and not (administers and caller == OPERATOR):
            raise Refused(403, "tenant-suspended")
        return tenant

    def _operator(self, caller: str) -> None:
        if caller == NOBODY or (caller != OPERATOR and caller not in self.tenants):
            raise Refused(401, "unauthorized")
        if caller != OPERATOR:
            raise Refused(404, "not-found")

    def create_tenant(self, caller: str, code: str, configuration: Json, metadata: Json) -> Expected:
        self._operator(caller)
        if len(code) == 1:
            raise Refused(422, "invalid-tenant-code")
        if code in self.tenants or code in self.retired:
            raise Refused(409, "tenant-exists" if code in self.tenants else "tenant-code-retired")
        tenant = Tenant(code, configuration=merge_patch({}, configuration), metadata=metadata)

        def learn(body: Json) -> None:
            tenant.id, tenant.time_created = body["id"], body["time_created"]
            self.tenants[code] = tenant

        return Expected(201, tenant.shown() | {"api_key": ANY}, etag='"m1-', learn=learn)

    def get_tenant(self, caller: str, code: str) -> Expected:
        tenant = self._authorized(caller, code)
        return Expected(200, tenant.shown(), etag=f'"m{tenant.version}-')

    def patch_tenant(self, caller: str, code: str, patch: Json, seen: int | None) -> Expected:
        tenant = self._authorized(caller, code, changes=True, administers=True)
        tenant.expect_version(seen, tenant.version)
        tenant.configuration = merge_patch(tenant.configuration, patch.get("configuration", {}))
        tenant.metadata = merge_patch(tenant.metadata, patch.get("metadata", {}))
        tenant.version += 1
        return Expected(200, tenant.shown(), etag=f'"m{tenant.version}-')

    def set_status(self, caller: str, code: str, status: str) -> Expected:
        self._operator(caller)
        if code not in self.tenants:
            raise Refused(404, "not-found")
        tenant = self.tenants[code]
        if tenant.status != status:
            tenant.status = status
            tenant.version += 1
        return Expected(200, tenant.shown(), etag=f'"m{tenant.version}-')

    def delete_tenant(self, caller: str, code: str) -> Expected:
        self._operator(caller)
        if self.tenants.pop(code, None) is None:
            raise Refused(404, "not-found")
        self.retired.add(code)
        proof = {"rows_left": 0, "bytes_left": 0, "cache_entries_removed": ANY}
        done: Json = {"id": ANY, "kind": "tenant-deletion", "state": "succeeded", "progress": ANY, "result": proof}
        return Expected(200, done)

    def upload(
        self, caller: str, code: str, name: str, content: bytes, tags: list[str], metadata: Json, key: str | None
    ) -> Expected:
        tenant = self._authorized(caller, code, changes=True)
        asked = (name, content, tags, metadata)
        if key in tenant.answers:
            first, answer = tenant.answers[key]
            if first != asked:
                raise Refused(422, "idempotency-key-reused")
            return Expected(201, answer, etag='"m1"', replayed=True)
        self._refuse_upload(tenant, content)
        file = _new_file(name, content, tags, metadata)

        def learn(body: Json) -> None:
            found = file | {name: body[name] for name in ("id", "time_created", "storage_path")}
            tenant.files[found["id"]] = found
            if key is not None:
                tenant.answers[key] = (asked, found)

        return Expected(201, file, etag='"m1"', learn=learn)

    def _refuse_upload(self, tenant: Tenant, content: bytes) -> None:
        """In the order of the contract."""
        rules, sha256 = tenant.rules, hashlib.sha256(content).hexdigest()
        if len(content) > rules.max_file_size_bytes:
            raise Refused(413, "file-too-large")
        if rules.duplicate_policy == "reject" and any(file["sha256"] == sha256 for file in tenant.files.values()):
            raise Refused(409, "duplicate-file")
        too_many = rules.max_files is not None and len(tenant.files) >= rules.max_files
        if too_many or (
            rules.max_total_bytes is not None and tenant.total_bytes + len(content) > rules.max_total_bytes
        ):
            raise Refused(507, "quota-exceeded")

    def _file(self, tenant: Tenant, file_id: str) -> Json:
        if file_id not in tenant.files:
            raise Refused(404, "not-found")
        return tenant.files[file_id]

    def get_file(self, caller: str, code: str, file_id: str) -> Expected:
        file = self._file(self._authorized(caller, code), file_id)
        return Expected(200, file, etag=f'"m{file["version"]}"')

    def patch_file(self, caller: str, code: str, file_id: str, patch: Json, seen: int | None) -> Expected:
        tenant = self._authorized(caller, code, changes=True)
        file = self._file(tenant, file_id)
        tenant.expect_version(seen, file["version"])
        changed = file | patch | {"metadata": merge_patch(file["metadata"], patch.get("metadata", {}))}
        changed |= {"version": file["version"] + 1, "extension": extension_of(changed["file_name"])}
        tenant.files[file_id] = changed
        return Expected(200, changed, etag=f'"m{changed["version"]}"')

    def delete_file(self, caller: str, code: str, file_id: str) -> Expected:
        tenant = self._authorized(caller, code, changes=True)
        self._file(tenant, file_id)
        del tenant.files[file_id]
        return Expected(204)

    def batch_get(self, caller: str, code: str, ids: Sequence[str]) -> Expected:
        files = self._authorized(caller, code).files
        found = [{"status": 200, "file": files[one]} if one in files else {"status": 404} for one in ids]
        return Expected(200, {"items": [{"id": one} | item for one, item in zip(ids, found, strict=True)]})

    def batch_delete(self, caller: str, code: str, ids: Sequence[str]) -> Expected:
        files = self._authorized(caller, code, changes=True).files
        found = [{"id": one, "status": 204 if files.pop(one, None) else 404} for one in ids]
        return Expected(200, {"items": found})

    def list_files(self, caller: str, code: str, sort: str, query: Json) -> Expected:
        """The whole list, as if on one page."""
        files = self._authorized(caller, code).files.values()
        chosen = [file for file in files if all(_matches(file, name, value) for name, value in query.items())]
        field_name = sort.removeprefix("-")
        chosen.sort(key=lambda file: (file[field_name], file["id"]), reverse=sort.startswith("-"))
        return Expected(200, {"items": chosen, "next_cursor": None})


def _new_file(name: str, content: bytes, tags: list[str], metadata: Json) -> Json:
    return {
        "id": ANY,
        "file_name": name,
        "file_size_bytes": len(content),
        "media_type": "text/plain",
        "declared_media_type": "text/plain",
        "extension": extension_of(name),
        "time_created": ANY,
        "tags": tags,
        "metadata": metadata,
        "sha256": hashlib.sha256(content).hexdigest(),
        "storage_path": ANY,
        "version": 1,
    }


def _matches(file: Json, name: str, value: str) -> bool:
    match name:
        case "name":
            return value.lower() in file["file_name"].lower()
        case "tag":
            return value in file["tags"]
        case "min_size":
            return bool(file["file_size_bytes"] >= int(value))
        case _:
            return bool(file["metadata"].get(name.removeprefix("meta.")) == value)
