"""The extraction service: its FastAPI app, and where Serve runs it and the pools behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve.handle import DeploymentHandle

from actors.job_runner import JobRunner
from actors.ocr_pool import ocr_pool
from actors.parser_pool import parser_pool
from serve_apps.bounded_concurrency import BoundedConcurrency
from serve_apps.documented_problems import document_problems
from serve_apps.extraction import batch_routes, event_routes, result_routes, routes
from serve_apps.extraction.job_changes import JobChanges
from serve_apps.health import Readiness
from serve_apps.health import router as health_router
from serve_apps.ingress import INGRESS_OPTIONS, IngressReplica
from serve_apps.problems import install_problem_handlers
from serve_apps.rate_limits import RateLimitFields
from serve_apps.request_context import RequestContext
from serve_apps.services import Services
from storage.job_passwords import JobPasswords
from storage.logs import configure_logging
from storage.settings import Settings, get_settings


def create_app(settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = app.state.services = await Services.open(settings)
        readiness = app.state.readiness = Readiness(services)
        app.state.job_passwords = JobPasswords(services.key_pepper)
        changes = app.state.job_changes = JobChanges(settings.database_url)
        async with changes.listening():
            yield
            readiness.shutting_down = True
        await services.close()

    app = FastAPI(title="Muniment extraction service", version="1", lifespan=lifespan, redirect_slashes=False)
    app.add_middleware(RateLimitFields)
    app.add_middleware(BoundedConcurrency, settings.max_concurrent_requests)
    app.add_middleware(RequestContext)
    install_problem_handlers(app)
    for router in (health_router, result_routes.router, event_routes.router, routes.router, batch_routes.router):
        app.include_router(router)
    document_problems(app)
    return app


def release_waiters_first(app: FastAPI) -> None:
    """Before the port drains, let requests that wait for a job answer: a drain is shorter than they may wait."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with inner(app) as state:
            try:
                yield state
            finally:
                app.state.job_changes.release_all()

    app.router.lifespan_context = lifespan


class ExtractionReplica(IngressReplica):
    def __init__(self, _runner: DeploymentHandle[Any] | None) -> None:
        """The runner is not called: jobs reach it through the database. It runs because it is bound here."""
        settings = get_settings()
        configure_logging("extraction", settings.log_level)
        fastapi = create_app(settings)
        super().__init__(fastapi, settings, settings.extraction_port)
        release_waiters_first(fastapi)


ExtractionService = serve.deployment(name="ExtractionService", **INGRESS_OPTIONS)(serve.ingress()(ExtractionReplica))


def build(settings: Settings) -> Any:
    parser = parser_pool(settings).bind(ocr_pool(settings).bind())
    return ExtractionService.bind(JobRunner.bind(parser))  # type: ignore[attr-defined] # Serve's decorators are untyped


app = build(get_settings())
