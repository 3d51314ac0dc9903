"""JSON logs, one event a line, each with the request and the tenant that it belongs to."""

import logging
import sys
from contextvars import ContextVar

from pythonjsonlogger.json import JsonFormatter

current_request: ContextVar[str] = ContextVar("current_request", default="")
current_tenant: ContextVar[str] = ContextVar("current_tenant", default="")


class _Context(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if request := current_request.get():
            record.request_id = request
        if tenant := current_tenant.get():
            # An event may name a tenant of its own.
            record.__dict__.setdefault("tenant", tenant)
        return True


def configure_logging(role: str, level: str) -> None:
    """Send everything to standard error as JSON; `role` says which process it was."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Context())
    handler.setFormatter(
        JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            static_fields={"role": role},
            timestamp="time",
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
