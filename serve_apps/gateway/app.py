"""The gateway's own answers. Routing to the services is Serve's: each application has its route on the same port."""

from fastapi import FastAPI, Request
from ray import serve
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse, Response

from serve_apps.gateway import start_page
from serve_apps.gateway.services import AskReady, Readiness, ask_replica, services_behind
from serve_apps.gateway_bodies import GatewayBodyLimit
from serve_apps.problems import install_problem_handlers, problem_of
from serve_apps.request_context import RequestContext
from storage.errors import Unavailable
from storage.logs import configure_logging
from storage.settings import Settings, get_settings


def create_app(settings: Settings, ask_ready: AskReady = ask_replica) -> FastAPI:
    services = services_behind(settings)
    readiness = Readiness(services, ask_ready)
    app = FastAPI(
        title="Muniment gateway",
        version="1",
        middleware=[Middleware(RequestContext), Middleware(GatewayBodyLimit, settings)],
    )
    install_problem_handlers(app)

    @app.get("/", response_class=Response)
    async def start(request: Request) -> Response:
        """Where the services are: a page for a browser, JSON for anything else."""
        if start_page.wants_html(request):
            return HTMLResponse(start_page.as_html(request, services, settings.gateway_max_body_bytes))
        return JSONResponse(start_page.as_json(request, services))

    @app.get("/healthz/live", tags=["health"])
    async def live() -> dict[str, str]:
        """The process works."""
        return {"status": "live"}

    @app.get("/healthz/ready", tags=["health"])
    async def ready(request: Request) -> Response:
        """Every service behind the gateway can be used."""
        if missing := await readiness.missing():
            return problem_of(request, Unavailable(missing[0].title.lower()))
        return JSONResponse({"status": "ready"})

    return app


@serve.deployment(name="Gateway", max_ongoing_requests=200)
@serve.ingress()
class Gateway:
    """Has no port of its own: it is reached through Serve's."""

    def __serve_build_asgi_app__(self) -> FastAPI:
        settings = get_settings()
        configure_logging("gateway", settings.log_level)
        return create_app(settings)


app = Gateway.bind()  # type: ignore[attr-defined] # Serve's decorators are untyped
