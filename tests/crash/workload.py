"""Clients that work at random until the service is gone, each on files and tenants of its own.

Whatever they do is in the ledger before the request is sent, and settled when it was answered.
"""

import base64
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import orjson

from storage.small_files import SMALL_BYTES
from tests.crash.ledger import (
    Content,
    FileState,
    Ledger,
    TenantState,
    TrackedFile,
    TrackedKey,
    TrackedPieces,
    TrackedTenant,
)
from tests.crash.points import Work
from tests.file_service import MERGE_PATCH, OPERATOR_KEY

WEIGHTS: dict[Work | str, int] = {
    "upload": 8,
    "large-upload": 2,
    "refused-upload": 2,
    "pieces": 2,
    "change": 8,
    "delete": 4,
    "read": 8,
    "tenant-change": 2,
    "tenant-life": 1,
    "key": 1,
}
MORE_OFTEN = 10
"""How much more often than else the work is done that a run is about."""
MAX_SMALL, MAX_IN_PIECES = 20_000, 600_000
LEAST_LARGE, MAX_LARGE = SMALL_BYTES + 1, 3_500_000
CHUNK = 200_000
MAX_FILES = 10_000
"""More than a run stores; a change of a tenant adds to it."""
CLEAR = {(503, "overloaded"), (507, "storage-full")}
OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}
TUS = {"Tus-Resumable": "1.0.0"}
FILES_OF_SHORT_LIVED = 3


def _hex(rng: random.Random) -> str:
    return f"{rng.getrandbits(128):032x}"


def new_code(rng: random.Random) -> str:
    """A tenant's."""
    return f"c-{_hex(rng)}"


class Gone(Exception):
    """The service does not answer: it is dead."""


class Unanswered(Exception):
    """The service said that it cannot answer now: what was asked for may have happened or not."""


class Client:
    """Clients of a service that may fail without dying take a clear refusal for a lost answer, and go on."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        ledger: Ledger,
        rng: random.Random,
        shared: TrackedTenant,
        *,
        takes_refusals: bool = False,
    ) -> None:
        self._http = http
        self._ledger = ledger
        self._rng = rng
        self._shared = shared
        self._takes_refusals = takes_refusals
        self.stop = False
        self._own: TrackedTenant | None = None
        self._files: list[tuple[TrackedTenant, TrackedFile]] = []

    async def work(self, preferred: Work | None = None) -> None:
        """Until the service is gone, or the client is told to stop."""
        weights = WEIGHTS | ({preferred: WEIGHTS[preferred] * MORE_OFTEN} if preferred else {})
        try:
            while not self.stop:
                (kind,) = self._rng.choices(list(weights), list(weights.values()))
                try:
                    if self._own is None:
                        self._own = await self.create_tenant()
                    await getattr(self, kind.replace("-", "_"))()
                except Unanswered:
                    self._forget_unsettled()
        except Gone:
            return

    def _forget_unsettled(self) -> None:
        self._files = [(tenant, file) for tenant, file in self._files if tenant.is_settled and file.is_settled]
        if self._own is not None and not self._own.is_settled:
            self._own = None

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        self._ledger.requests += 1
        options["headers"] = OPERATOR | options.get("headers", {})
        try:
            return await self._http.request(method, path, **options)
        except httpx.TransportError:
            raise Gone from None

    def expect(self, answer: httpx.Response, status: int, what: str) -> None:
        if self._takes_refusals and answer.status_code in {503, 507}:
            self._note_refusal(answer, what)
            raise Unanswered
        if answer.status_code == status:
            self._ledger.acknowledged += 1
        else:
            self._ledger.wrong.append(f"{what}: {answer.status_code} instead of {status}: {answer.text}")
            # Whatever follows would be wrong too.
            raise Gone

    def _note_refusal(self, answer: httpx.Response, what: str) -> None:
        code = answer.json().get("code")
        self._ledger.refusals[code] += 1
        if (answer.status_code, code) not in CLEAR or "retry-after" not in answer.headers:
            self._ledger.wrong.append(f"{what} was refused without a clear word: {answer.status_code} {answer.text}")

    def _name(self) -> str:
        return f"{_hex(self._rng)}.bin"

    async def create_tenant(self) -> TrackedTenant:
        return await self.create(TrackedTenant(code=new_code(self._rng)))

    async def create(self, tenant: TrackedTenant) -> TrackedTenant:
        self._ledger.tenants.append(tenant)
        tenant.try_to(TenantState(0, 1))
        fields = {"code": tenant.code, "metadata": {"number": 0}, "configuration": {"max_files": MAX_FILES}}
        answer = await self.request("POST", "/v1/tenants", json=fields)
        self.expect(answer, 201, "creation of a tenant")
        tenant.id = answer.json()["id"]
        tenant.settle(TenantState(0, 1))
        return tenant

    async def tenant_change(self) -> None:
        tenant = self._own
        assert tenant is not None
        assert tenant.state is not None
        before = tenant.state
        after = TenantState(before.number + 1, before.version + 1)
        tenant.try_to(after)
        patch = {"metadata": {"number": after.number}, "configuration": {"max_files": MAX_FILES + after.number}}
        headers = {"Content-Type": MERGE_PATCH, "If-Match": f'"m{before.version}"'}
        answer = await self.request("PATCH", f"/v1/tenants/{tenant.code}", json=patch, headers=headers)
        self.expect(answer, 200, "change of a tenant")
        tenant.settle(after)

    async def tenant_life(self) -> None:
        """A tenant that comes, gets files and goes."""
        tenant = await self.create_tenant()
        for _ in range(FILES_OF_SHORT_LIVED):
            await self._upload(tenant)
        tenant.try_to(None)
        answer = await self.request("DELETE", f"/v1/tenants/{tenant.code}")
        self.expect(answer, 202, "deletion of a tenant")
        tenant.operation = answer.json()["id"]
        tenant.settle(None)
        self._files = [file for file in self._files if file[0] is not tenant]

    async def key(self) -> None:
        """An API key that comes, is used and is revoked."""
        path = f"/v1/tenants/{self._shared.code}/api-keys"
        answer = await self.request("POST", path, json={"scopes": ["files:read"]})
        self.expect(answer, 201, "creation of a key")
        key = TrackedKey([True], secret=answer.json()["secret"], id=answer.json()["id"])
        self._shared.keys.append(key)
        headers = {"Authorization": f"Bearer {key.secret}"}
        self.expect(await self.request("GET", f"/v1/tenants/{self._shared.code}", headers=headers), 200, "use of a key")
        key.try_to(None)
        self.expect(await self.request("DELETE", f"{path}/{key.id}"), 204, "revocation of a key")
        key.settle(None)

    def _tenant(self) -> TrackedTenant:
        assert self._own is not None
        # Most work meets that of other clients.
        return self._shared if self._rng.random() < 0.7 else self._own

    async def upload(self) -> None:
        await self._upload(self._tenant())

    async def _upload(self, tenant: TrackedTenant) -> None:
        content = Content(self._rng.getrandbits(64), self._rng.randint(16, MAX_SMALL))
        state = FileState(self._name(), ("new",), {"number": 0})
        file = TrackedFile(content=content, uploaded=state, key=_hex(self._rng))
        tenant.files.append(file)
        file.try_to(state)
        await self._stored(
            tenant, file, state, await self.request("POST", f"/v1/tenants/{tenant.code}/files", **form_of(file))
        )

    async def large_upload(self) -> None:
        """Raw bytes, streamed, so that they are written in several parts."""
        tenant = self._tenant()
        file = TrackedFile(content=Content(self._rng.getrandbits(64), self._rng.randint(LEAST_LARGE, MAX_LARGE)))
        state = FileState(self._name(), (), {})
        tenant.files.append(file)
        file.try_to(state)
        headers = {
            "Content-Disposition": f"attachment; filename={state.name}",
            "Content-Type": "application/octet-stream",
        }
        path = f"/v1/tenants/{tenant.code}/files"
        answer = await self.request("POST", path, content=_chunks(file.content.bytes), headers=headers)
        await self._stored(tenant, file, state, answer)

    async def _stored(self, tenant: TrackedTenant, file: TrackedFile, state: FileState, answer: httpx.Response) -> None:
        self.expect(answer, 201, "upload")
        file.id = answer.json()["id"]
        file.settle(state)
        self._files.append((tenant, file))

    async def pieces(self) -> None:
        """An upload in three pieces; one in four is given up before the last."""
        tenant = self._tenant()
        state = FileState(self._name(), ("new",), {"number": 0})
        content = Content(self._rng.getrandbits(64), self._rng.randint(1000, MAX_IN_PIECES))
        file = TrackedPieces(content=content, uploaded=state)
        tenant.files.append(file)
        answer = await self.request("POST", f"/v1/tenants/{tenant.code}/uploads", headers=begin_headers(file))
        self.expect(answer, 201, "begin of an upload")
        file.location = answer.headers["location"]
        for end in sorted(self._rng.sample(range(1, content.size), 2)):
            self.expect(await self.request("PATCH", file.location, **piece_of(file, end)), 204, "a piece")
            file.acknowledged = end
        if self._rng.random() < 0.25:
            await self._give_up(file)
            return
        file.try_to(state)
        answer = await self.request("PATCH", file.location, **piece_of(file, content.size))
        self.expect(answer, 204, "the last piece")
        file.id = answer.headers["x-file-id"]
        file.settle(state)
        self._files.append((tenant, file))

    async def _give_up(self, file: TrackedPieces) -> None:
        file.given_up = True
        self.expect(await self.request("DELETE", file.location, headers=TUS), 204, "end of an upload")
        file.location = ""

    async def refused_upload(self) -> None:
        """Its bytes are not what the digest says; there is never such a file."""
        file = TrackedFile(content=Content(self._rng.getrandbits(64), self._rng.randint(LEAST_LARGE, 2 * LEAST_LARGE)))
        tenant = self._tenant()
        tenant.files.append(file)
        form = {"file": (self._name(), file.content.bytes, "application/octet-stream")}
        headers = {"Repr-Digest": "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"}
        answer = await self.request("POST", f"/v1/tenants/{tenant.code}/files", files=form, headers=headers)
        self.expect(answer, 422, "upload with another digest")

    async def _some_file(self) -> tuple[TrackedTenant, TrackedFile]:
        if not self._files:
            await self.upload()
        return self._rng.choice(self._files)

    async def change(self) -> None:
        tenant, file = await self._some_file()
        before = file.state
        assert before is not None
        number = before.version
        after = replace(
            before,
            name=self._name(),
            tags=(f"t{number}", "changed"),
            metadata={**before.metadata, "number": number},
            version=before.version + 1,
        )
        file.try_to(after)
        patch = {"file_name": after.name, "tags": after.tags, "metadata": {"number": number}}
        headers = {"Content-Type": MERGE_PATCH, "If-Match": f'"m{before.version}"'}
        path = f"/v1/tenants/{tenant.code}/files/{file.id}"
        self.expect(await self.request("PATCH", path, json=patch, headers=headers), 200, "change of a file")
        file.settle(after)

    async def delete(self) -> None:
        tenant, file = found = await self._some_file()
        file.try_to(None)
        path = f"/v1/tenants/{tenant.code}/files/{file.id}"
        self.expect(await self.request("DELETE", path), 204, "deletion of a file")
        file.settle(None)
        self._files.remove(found)

    async def read(self) -> None:
        """Which also brings it into the cache."""
        tenant, file = await self._some_file()
        assert file.state is not None
        answer = await self.request("GET", f"/v1/tenants/{tenant.code}/files/{file.id}")
        self.expect(answer, 200, "reading a file")
        if answer.json()["version"] != file.state.version:
            self._ledger.wrong.append(f"version {answer.json()['version']} was read after {file.state.version}")


def form_of(file: TrackedFile) -> dict[str, Any]:
    """Options of the request that uploads it, the first time and again."""
    assert file.uploaded is not None
    form = {
        "file": (file.uploaded.name, file.content.bytes, "application/octet-stream"),
        "tags": (None, orjson.dumps(file.uploaded.tags)),
        "metadata": (None, orjson.dumps(file.uploaded.metadata)),
    }
    return {"files": form, "headers": {"Idempotency-Key": file.key}}


def begin_headers(file: TrackedFile) -> dict[str, str]:
    """Of the request that begins an upload in pieces."""
    assert file.uploaded is not None
    described = {
        "filename": file.uploaded.name.encode(),
        "filetype": b"application/octet-stream",
        "tags": orjson.dumps(file.uploaded.tags),
        "metadata": orjson.dumps(file.uploaded.metadata),
    }
    metadata = ",".join(f"{name} {base64.b64encode(value).decode()}" for name, value in described.items())
    return TUS | {"Upload-Length": str(file.content.size), "Upload-Metadata": metadata}


def piece_of(file: TrackedPieces, end: int) -> dict[str, Any]:
    """Options of the request that adds the bytes from what was acknowledged to `end`."""
    headers = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(file.acknowledged)}
    return {"content": file.content.bytes[file.acknowledged : end], "headers": headers}


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]
