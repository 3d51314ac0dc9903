"""Who may leave the bounds of one tenant. Everybody else's transactions are held to a tenant by the database."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

ALLOWED = {
    "actors/event_relay.py": "tells of all, one after another",
    "actors/sweeper.py": "finishes what crashes left, whosever it is",
    "actors/tenant_actor.py: activate": "has only the tenant's code",
    "actors/webhook_relay.py: look": "looks for whose webhooks something is due",
    "muniment/local/counts.py": "counts everything there is",
    "serve_apps/auth.py: find_tenant": "has only the tenant's code, and decides nothing yet",
    "serve_apps/auth.py: _key_record": "has only the key's id",
    "serve_apps/files/tenant_routes.py: create_tenant": "the operator's; there is no tenant yet",
    "serve_apps/files/tenant_routes.py: list_tenants": "the operator's",
    "serve_apps/files/lifecycle_routes.py: _operation": "the operator's; outlives its tenant",
    "serve_apps/health.py": "reads no rows",
    "storage/abandoned_folders.py": "looks for folders that no tenant has",
    "storage/database.py": "defines them",
    "storage/fsck": "an operator checks the whole store",
    "storage/job_queue.py: waiting": "looks whose turn it is",
    "storage/job_queue.py: renew": "a runner holds jobs of many",
    "storage/job_queue.py: sweep": "ends attempts, whosever they are",
    "storage/tenant_purge.py": "removes the tenant itself",
}


def outermost_functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement
        elif isinstance(statement, ast.ClassDef):
            yield from outermost_functions(statement.body)


def uses(path: Path) -> Iterator[str]:
    """`module: function` for each function or method that names such a transaction."""
    module = str(path.relative_to(ROOT))
    for function in outermost_functions(ast.parse(path.read_text()).body):
        names = (node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute))
        if any(name.endswith("_across_tenants") for name in names):
            yield f"{module}: {function.name}"


def test_only_these_cross_tenants() -> None:
    paths = (
        path for package in ("actors", "muniment", "serve_apps", "storage") for path in (ROOT / package).rglob("*.py")
    )
    found = {use for path in paths for use in uses(path)}
    assert {use for use in found if not use.startswith(tuple(ALLOWED))} == set()
    assert {place for place in ALLOWED if not any(use.startswith(place) for use in found)} == set()
