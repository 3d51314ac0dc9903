"""The file service: its FastAPI app, and where Serve runs it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from ray import serve

from serve_apps.bounded_concurrency import BoundedConcurrency
from serve_apps.direct_routes import answer_directly
from serve_apps.documented_problems import document_problems
from serve_apps.files import (
    content_routes,
    file_routes,
    key_routes,
    lifecycle_routes,
    resumable_routes,
    tenant_routes,
    webhook_routes,
)
from serve_apps.files.resumable_bodies import UploadHolders
from serve_apps.files.resumable_protocol import TusProtocol
from serve_apps.health import Readiness
from serve_apps.health import router as health_router
from serve_apps.ingress import INGRESS_OPTIONS, IngressReplica
from serve_apps.problems import install_problem_handlers
from serve_apps.rate_limits import RateLimitFields
from serve_apps.request_context import RequestContext
from serve_apps.services import Services
from storage.logs import configure_logging
from storage.settings import Settings, get_settings

OpenServices = Callable[[Settings], Awaitable[Services]]


def create_app(settings: Settings, open_services: OpenServices = Services.open) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = app.state.services = await open_services(settings)
        readiness = app.state.readiness = Readiness(services)
        services.tenants.wake()
        holders = app.state.upload_holders = UploadHolders(settings.database_url)
        async with holders.listening():
            yield
            readiness.shutting_down = True
        await services.close()

    # No redirects to the same path with a slash: they would lead around the gateway, and to any Host that is sent.
    app = FastAPI(title="Muniment file service", version="1", lifespan=lifespan, redirect_slashes=False)
    app.add_middleware(RateLimitFields)
    app.add_middleware(BoundedConcurrency, settings.max_concurrent_requests)
    app.add_middleware(TusProtocol)
    app.add_middleware(RequestContext)
    install_problem_handlers(app)
    app.include_router(health_router)
    for routes in (
        tenant_routes,
        key_routes,
        webhook_routes,
        lifecycle_routes,
        file_routes,
        resumable_routes,
        content_routes,
    ):
        app.include_router(routes.router)
    document_problems(app)
    answer_directly(app)
    return app


class FileReplica(IngressReplica):
    def __init__(self) -> None:
        settings = get_settings()
        configure_logging("files", settings.log_level)
        super().__init__(create_app(settings), settings, settings.files_port)


FileService = serve.deployment(name="FileService", **INGRESS_OPTIONS)(serve.ingress()(FileReplica))
app = FileService.bind()
