"""The gateway's front page: where the services are, for a person or for a program."""

from html import escape
from string import Template
from typing import Any

from starlette.requests import Request

from serve_apps.gateway.services import Service

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Muniment</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
  td, th { text-align: left; padding: .4rem 1.2rem .4rem 0; vertical-align: top }
</style>
<h1>Muniment</h1>
<p>Keeps many tenants' documents apart and turns them into structured data.</p>
<table>
<tr><th>Service<th>Through this gateway<th>Directly<th>
$rows
</table>
<p>Bodies over $limit go to a service's own port, or as a resumable upload.
<a href="/docs">This gateway's own calls</a>, <a href="/healthz/ready">its readiness</a>.</p>
</html>
""")

ROW = Template(
    '<tr><td><b>$title</b><br>$does<td><a href="/$name/docs">/$name</a>'
    '<td><a href="$direct/docs">$direct</a><td><a href="/$name/healthz/ready">ready?</a>'
)


def wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def as_json(request: Request, services: list[Service]) -> dict[str, Any]:
    return {
        "name": "Muniment",
        "services": [
            {
                "name": service.name,
                "title": service.title,
                "path": f"/{service.name}",
                "direct": _direct(request, service),
                "docs": f"/{service.name}/docs",
                "openapi": f"/{service.name}/openapi.json",
                "ready": f"/{service.name}/healthz/ready",
            }
            for service in services
        ],
    }


def as_html(request: Request, services: list[Service], body_limit: int) -> str:
    rows = "\n".join(
        ROW.substitute(
            name=service.name, title=service.title, does=service.does, direct=escape(_direct(request, service))
        )
        for service in services
    )
    return PAGE.substitute(rows=rows, limit=f"{body_limit / 2**20:g} MiB")


def _direct(request: Request, service: Service) -> str:
    """The service's own port on the host that the caller reached the gateway by."""
    host = request.url.hostname or "localhost"
    return f"{request.url.scheme}://{f'[{host}]' if ':' in host else host}:{service.port}"
