"""The service against a model of it, step by step: every answer is the model's.

The suite takes the same steps in every run; `make fuzz` takes thousands, others each time.
"""

import os
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.file_model import NOBODY, OPERATOR, Expected, FileModel, Refused
from tests.file_service import MERGE_PATCH, OPERATOR_KEY, FileService

ASKED_FOR = os.environ.get("MUNIMENT_MODEL_RUNS", "")
RUNS = int(ASKED_FOR or 10)
STEPS = 100

CODES = ["one", "two", "x"]
CONTENTS = [b"some text", b"other text", b"t" * 40, b"t" * 41]
NAMES = ["a.txt", "B.TXT", "report.txt", "Ärger.txt", "notes"]
TAGS = st.lists(st.sampled_from(["red", "blue"]), max_size=2, unique=True)
METADATA = st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from(["x", "y"]), max_size=2)
CHANGES = st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from(["x", "y", None]), max_size=2)
CONFIGURATION = st.fixed_dictionaries(
    {},
    optional={
        "duplicate_policy": st.sampled_from(["allow", "reject"]),
        "max_files": st.sampled_from([None, 1, 3]),
        "max_total_bytes": st.sampled_from([None, 20, 100]),
        "max_file_size_bytes": st.sampled_from([None, 40]),
    },
)
SORTS = [sign + name for sign in ("", "-") for name in ("time_created", "file_name", "file_size_bytes")]
QUERY = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "TXT", "är"]),
        "tag": st.sampled_from(["red", "blue"]),
        "min_size": st.sampled_from(["10", "41"]),
        "meta.k": st.sampled_from(["x", "y"]),
    },
)


@dataclass
class Client:
    """Sends a step to the service, and to the model; compares the answers."""

    service: FileService
    model: FileModel
    prefix: str
    keys: dict[str, str]
    steps: int = 0

    def code(self, short: str) -> str:
        return short if len(short) == 1 else self.prefix + short

    async def send(self, caller: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = more.pop("headers", {})
        key = {OPERATOR: OPERATOR_KEY, NOBODY: ""}.get(caller, self.keys.get(caller, "mk_none"))
        return await self.service.http.request(
            method, f"/v1/tenants{path}", headers={"Authorization": f"Bearer {key}"} | headers, **more
        )

    def expected(self, step: str, *parts: Any) -> Expected:
        try:
            found: Expected = getattr(self.model, step)(*parts)
        except Refused as refused:
            return refused.expected
        return found

    def compare(self, expected: Expected, answer: httpx.Response) -> None:
        self.steps += 1
        assert answer.status_code == expected.status, (expected, answer.text)
        if expected.code:
            assert answer.json()["code"] == expected.code
            return
        if expected.body is None:
            assert answer.content == b""
            return
        assert answer.json() == expected.body
        assert answer.headers.get("etag", "").startswith(expected.etag)
        assert (answer.headers.get("idempotency-replayed") == "true") == expected.replayed
        expected.learn(answer.json())


class Walk:
    """Draws steps and takes them."""

    def __init__(self, client: Client, data: st.DataObject) -> None:
        self.client, self.data = client, data
        self.removed: list[str] = []

    def draw(self, *choices: Any) -> Any:
        return self.data.draw(st.sampled_from(choices))

    async def step(self) -> None:
        # Uploads most often: the rest needs files.
        names = ["upload"] * 5 + ["list"] * 3 + ["patch_file", "delete_file", "get_file", "get_tenant"] * 2
        names += ["create", "create", "patch_tenant", "patch_tenant", "status", "batch_get", "batch_delete", "delete"]
        known = len(self.client.model.tenants)
        name = "create" if known == 0 else self.draw(*names)
        self.code = self.client.code(self.draw(*(CODES if name == "create" else CODES[:2])))
        self.caller = self.draw(self.code, self.code, OPERATOR, OPERATOR, self.client.code(CODES[0]), NOBODY)
        await getattr(self, name)()

    def file_id(self) -> str:
        mine = self.client.model.tenants.get(self.code)
        every = [one for tenant in self.client.model.tenants.values() for one in tenant.files]
        return str(self.draw(*(list(mine.files) * 4 if mine else []), *every, *self.removed, "fs_" + "0" * 25))

    def seen(self, present: int) -> tuple[int | None, dict[str, str]]:
        version = self.draw(present, present, present, present - 1, None)
        tag = "*" if version is None else f'"m{version}"'
        return version, {"If-Match": tag, "Content-Type": MERGE_PATCH}

    async def create(self) -> None:
        client, configuration, metadata = self.client, self.data.draw(CONFIGURATION), self.data.draw(METADATA)
        self.caller = self.draw(OPERATOR, OPERATOR, OPERATOR, self.caller)
        body = {"code": self.code, "configuration": configuration, "metadata": metadata}
        expected = client.expected("create_tenant", self.caller, self.code, configuration, metadata)
        answer = await client.send(self.caller, "POST", "", json=body)
        client.compare(expected, answer)
        if answer.status_code == 201:
            client.keys[self.code] = answer.json()["api_key"]["secret"]

    async def get_tenant(self) -> None:
        expected = self.client.expected("get_tenant", self.caller, self.code)
        self.client.compare(expected, await self.client.send(self.caller, "GET", f"/{self.code}"))

    async def patch_tenant(self) -> None:
        patch = {"configuration": self.data.draw(CONFIGURATION), "metadata": self.data.draw(CHANGES)}
        tenant = self.client.model.tenants.get(self.code)
        version, headers = self.seen(tenant.version if tenant else 1)
        expected = self.client.expected("patch_tenant", self.caller, self.code, patch, version)
        answer = await self.client.send(self.caller, "PATCH", f"/{self.code}", json=patch, headers=headers)
        self.client.compare(expected, answer)

    async def status(self) -> None:
        status, verb = self.draw(("suspended", "suspend"), ("active", "resume"), ("active", "resume"))
        expected = self.client.expected("set_status", self.caller, self.code, status)
        self.client.compare(expected, await self.client.send(self.caller, "POST", f"/{self.code}:{verb}"))

    async def delete(self) -> None:
        self.caller = self.draw(NOBODY, self.code, OPERATOR)
        expected = self.client.expected("delete_tenant", self.caller, self.code)
        answer = await self.client.send(self.caller, "DELETE", f"/{self.code}", headers={"Prefer": "wait=30"})
        self.client.compare(expected, answer)
        if answer.status_code == 200:
            # Its code is retired: the next one has another.
            self.client.prefix = f"m-{uuid4().hex[:12]}-"

    async def upload(self) -> None:
        name, content, key = self.draw(*NAMES), self.draw(*CONTENTS), self.draw(None, None, "key-1", "key-2")
        tags, metadata = self.data.draw(TAGS), self.data.draw(METADATA)
        expected = self.client.expected("upload", self.caller, self.code, name, content, tags, metadata, key)
        form = {"tags": _json(tags), "metadata": _json(metadata)}
        answer = await self.client.send(
            self.caller,
            "POST",
            f"/{self.code}/files",
            files={"file": (name, content, "text/plain")},
            data=form,
            headers={"Idempotency-Key": key} if key else {},
        )
        self.client.compare(expected, answer)

    async def get_file(self) -> None:
        file_id = self.file_id()
        expected = self.client.expected("get_file", self.caller, self.code, file_id)
        self.client.compare(expected, await self.client.send(self.caller, "GET", f"/{self.code}/files/{file_id}"))

    async def patch_file(self) -> None:
        file_id = self.file_id()
        choices = {"file_name": st.sampled_from(NAMES), "tags": TAGS, "metadata": CHANGES}
        patch = self.data.draw(st.fixed_dictionaries({}, optional=choices))
        tenant = self.client.model.tenants.get(self.code)
        version, headers = self.seen(tenant.files[file_id]["version"] if tenant and file_id in tenant.files else 1)
        expected = self.client.expected("patch_file", self.caller, self.code, file_id, patch, version)
        path = f"/{self.code}/files/{file_id}"
        self.client.compare(expected, await self.client.send(self.caller, "PATCH", path, json=patch, headers=headers))

    async def delete_file(self) -> None:
        file_id = self.file_id()
        expected = self.client.expected("delete_file", self.caller, self.code, file_id)
        answer = await self.client.send(self.caller, "DELETE", f"/{self.code}/files/{file_id}")
        self.client.compare(expected, answer)
        self.removed.append(file_id)

    async def batch_get(self) -> None:
        await self._batch("batch_get", "batch-get")

    async def batch_delete(self) -> None:
        await self._batch("batch_delete", "batch-delete")

    async def _batch(self, step: str, verb: str) -> None:
        ids = [self.file_id() for _ in range(self.draw(1, 2, 4))]
        # Whether the first or the second mention of an id removes it is not said.
        ids = list(dict.fromkeys(ids))
        expected = self.client.expected(step, self.caller, self.code, ids)
        path = f"/{self.code}/files:{verb}"
        self.client.compare(expected, await self.client.send(self.caller, "POST", path, json={"ids": ids}))

    async def list(self) -> None:
        sort, query, limit = self.draw(*SORTS), self.data.draw(QUERY), self.draw(1, 2, 200)
        expected = self.client.expected("list_files", self.caller, self.code, sort, query)
        params = query | {"sort": sort, "limit": str(limit)}
        answer = await self.client.send(self.caller, "GET", f"/{self.code}/files", params=params)
        if answer.status_code != 200:
            self.client.compare(expected, answer)
            return
        items = answer.json()["items"]
        while (cursor := answer.json()["next_cursor"]) is not None:
            params["cursor"] = cursor
            answer = await self.client.send(self.caller, "GET", f"/{self.code}/files", params=params)
            items += answer.json()["items"]
        assert items == expected.body["items"]
        self.client.steps += 1


def _json(value: Any) -> str:
    return httpx.Request("POST", "http://x", json=value).content.decode()


@settings(
    max_examples=RUNS,
    derandomize=not ASKED_FOR,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
)
@given(data=st.data())
async def test_the_service_answers_every_step_as_the_model_does(service: FileService, data: st.DataObject) -> None:
    walk = Walk(Client(service, FileModel(), f"m-{uuid4().hex[:12]}-", {}), data)
    while walk.client.steps < STEPS:
        await walk.step()
