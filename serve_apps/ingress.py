"""How a service's FastAPI app is placed on Serve's HTTP ingress (the gateway) and on the service's own port at once.

    @serve.deployment(name="FileService", **INGRESS_OPTIONS)
    @serve.ingress()                       # no app here: the replica builds its own
    class FileService(IngressReplica):
        def __init__(self) -> None:
            settings = get_settings()
            super().__init__(create_app(settings), settings, settings.files_port)

    app = FileService.bind()               # serve_config.yaml: import_path serve_apps.files.app:app

Order, start: `__init__` builds the app; Serve runs its lifespan once (open database, cache, ...), at whose end the port
opens; `check_health`; requests. Order, stop: Serve waits for requests that came through the gateway (the port still
answers meanwhile), then ends the lifespan: the port drains, and only then the app's own lifespan closes what it opened.
On SIGTERM the port drains too, before Ray ends the process. A port that cannot be opened fails the replica's start, a
listener that died its health check: Serve replaces it.

The app sees the same routes on both ways: through the gateway `scope["path"]` is `/files/v1/...` with `root_path`
`/files`, which Starlette takes off before matching; on the port the root path is empty. So links in answers are paths
with the root path in front, never absolute URLs: `service_path(request, "/v1/operations/7")`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request

from serve_apps.autoscaling import IN_FLIGHT
from serve_apps.end_of_process import drain_before_end
from serve_apps.gateway_bodies import GatewayBodyLimit
from serve_apps.service_port import ServicePort
from storage.settings import Settings

INGRESS_OPTIONS: dict[str, Any] = {
    "max_ongoing_requests": 200,
    "health_check_period_s": 5.0,
    "health_check_timeout_s": 10.0,
    # Holds the gateway's wait (2 s and what is in flight) and after it the port's drain (Settings.drain_seconds); Serve
    # kills what takes longer.
    "graceful_shutdown_timeout_s": 65.0,
    "autoscaling_config": {
        "min_replicas": 1,
        "max_replicas": 4,
        "target_ongoing_requests": 40,
        "policy": {"policy_function": "serve_apps.autoscaling:by_requests_in_flight"},
    },
}


class IngressReplica:
    """Base of a deployment that answers HTTP through the gateway and on a port of its own."""

    def __init__(self, app: FastAPI, settings: Settings, port: int) -> None:
        self._app = app
        self._settings = settings
        self.port = ServicePort(app, settings.host, port)
        # Innermost, so that the refusal has a request id and a log line like any other answer.
        app.user_middleware.append(Middleware(GatewayBodyLimit, settings))
        self._open_port_within_lifespan()

    def __serve_build_asgi_app__(self) -> FastAPI:
        return self._app

    def check_health(self) -> None:
        self.port.check()

    async def is_ready(self) -> bool:
        """Whether the service can be used now; the gateway asks."""
        return await self._app.state.readiness.failure() is None

    def record_autoscaling_stats(self) -> dict[str, float]:
        return {IN_FLIGHT: float(self.port.in_flight)}

    def _open_port_within_lifespan(self) -> None:
        app_lifespan = self._app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
            async with app_lifespan(app) as state:
                await self.port.open()
                drain_before_end(self._drain)
                try:
                    yield state
                finally:
                    await self._drain()

        self._app.router.lifespan_context = lifespan

    async def _drain(self) -> None:
        await self.port.drain(self._settings.drain_seconds)


def service_path(request: Request, path: str) -> str:
    """`path` of this service as the caller reaches it: with `/files` in front where the request came that way."""
    return f"{request.scope.get('root_path', '')}{path}"
