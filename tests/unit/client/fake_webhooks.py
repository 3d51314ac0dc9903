"""Webhooks of the fake service: kept as the contract says, and never sent to."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.unit.client.refused import Refused

JsonObject = dict[str, Any]


@dataclass
class FakeWebhooks:
    kept: dict[str, JsonObject] = field(default_factory=dict)
    deliveries: list[JsonObject] = field(default_factory=list)
    """Of every webhook."""

    async def create(self, request: Request) -> Response:
        given = await request.json()
        webhook_id = f"wh_{len(self.kept)}"
        self.kept[webhook_id] = webhook = {
            "id": webhook_id,
            "url": given["url"],
            "name": given.get("name", ""),
            "event_types": given["event_types"],
            "time_created": datetime.now(UTC).isoformat(),
            "time_last_delivered": None,
        }
        return JSONResponse(webhook | {"secret": "whsec_hidden"}, 201)

    async def list(self, _: Request) -> Response:
        return JSONResponse({"items": list(self.kept.values()), "next_cursor": None})

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._found(request))

    async def delete(self, request: Request) -> Response:
        del self.kept[self._found(request)["id"]]
        return Response(status_code=204)

    async def list_deliveries(self, request: Request) -> Response:
        self._found(request)
        state = request.query_params.get("state")
        items = [item for item in self.deliveries if state in {None, item["state"]}]
        return JSONResponse({"items": items, "next_cursor": None})

    async def retry_failed(self, request: Request) -> Response:
        for item in self.deliveries:
            item["state"] = "waiting"
        return JSONResponse(self._found(request), 202)

    def _found(self, request: Request) -> JsonObject:
        if request.path_params["webhook_id"] not in self.kept:
            raise Refused(404, "not-found")
        return self.kept[request.path_params["webhook_id"]]
