"""Batches of the Muniment in memory: their jobs make one step each time that somebody looks."""

from collections.abc import Callable
from typing import Any

from tests.unit.client.refused import Refused

JsonObject = dict[str, Any]
STATES = ("queued", "running", "succeeded", "partial", "failed", "cancelled")


class FakeBatches:
    def __init__(self, new_job: Callable[..., JsonObject], finish: Callable[[JsonObject], None]) -> None:
        self._new_job, self._finish = new_job, finish
        self._batches: dict[str, tuple[JsonObject, list[JsonObject]]] = {}
        self.stopped = False
        """Set by a test in which no job gets done."""

    def create(self, tenant: Any, given: JsonObject, key: str, now: str) -> JsonObject:
        ids = given.get("file_ids")
        if ids is None:
            tag = given["filter"].get("tag", [])
            ids = [id for id, file in tenant.files.items() if set(tag) <= set(file.record["tags"])]  # noqa: A001
        wrong = [
            {"pointer": f"/file_ids/{place}", "detail": "There is no such file."}
            for place, file_id in enumerate(ids)
            if file_id not in tenant.files or tenant.files[file_id].record["extension"] == ".zip"
        ]
        if wrong:
            raise Refused(422, "invalid-request", errors=wrong)
        batch_id = f"eb_{key[:25]}"
        if batch_id not in self._batches:
            options = given.get("options", {})
            jobs = [self._new_job(tenant, {"file_id": id, "options": options}) for id in ids]  # noqa: A001
            record = {"id": batch_id, "name": given["name"], "options": options, "time_created": now}
            self._batches[batch_id] = record, [job | {"batch_id": batch_id} for job in jobs]
            tenant.jobs |= {job["id"]: job for job in self._batches[batch_id][1]}
        return self.shown(batch_id)

    def shown(self, batch_id: str) -> JsonObject:
        record, jobs = self._batches[batch_id]
        counts = {state: sum(job["state"] == state for job in jobs) for state in STATES}
        left = counts["queued"] + counts["running"]
        state = "running" if left else next((state for state in STATES if counts[state] == len(jobs)), "partial")
        return record | {"state": state, "counts": {"total": len(jobs)} | counts}

    def all(self) -> list[JsonObject]:
        return [self.shown(batch_id) for batch_id in reversed(self._batches)]

    def look(self, batch_id: str) -> list[JsonObject]:
        """The batch's jobs, after the first that waited was done."""
        _, jobs = self._batches[batch_id]
        waiting = next((job for job in jobs if job["state"] == "queued"), None)
        if waiting is not None and not self.stopped:
            self._finish(waiting)
        return jobs[::-1]

    def cancel(self, batch_id: str) -> JsonObject:
        _, jobs = self._batches[batch_id]
        waiting = [job for job in jobs if job["state"] == "queued"]
        if not waiting:
            raise Refused(409, "already-finished")
        for job in waiting:
            job["state"] = "cancelled"
        return self.shown(batch_id)

    def retry_failed(self, batch_id: str) -> JsonObject:
        for job in self._batches[batch_id][1]:
            if job["state"] == "failed":
                job |= {"state": "queued", "error": None}
        return self.shown(batch_id)

    def forget(self, job_id: str) -> None:
        for record, jobs in self._batches.values():
            self._batches[record["id"]] = record, [job for job in jobs if job["id"] != job_id]
