"""What a client knows about its services, and how a call becomes an HTTP request. Pure."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import httpx

from muniment.calls import Call
from muniment.endpoints import Endpoints, Service, find_endpoints
from muniment.errors import NotConfigured
from muniment.models import ServiceHealth
from muniment.retries import RetryPolicy

LOOPBACK_DIRECT: Mapping[str, None] = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
"""Services on this machine are never asked through a proxy that the environment names."""

LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=30)
CONNECT_SECONDS = 10.0


def _user_agent() -> str:
    try:
        return f"muniment/{version('muniment')}"
    except PackageNotFoundError:  # run from a source tree
        return "muniment"


USER_AGENT = _user_agent()


@dataclass(frozen=True)
class Connection:
    """`timeout` is how long one read or write may stall, in seconds; a long poll's own time comes on top."""

    endpoints: Endpoints
    api_key: str | None = field(repr=False)
    tenant: str | None
    timeout: float
    retries: RetryPolicy

    @classmethod
    def find(
        cls,
        url: str | None,
        files_url: str | None,
        extraction_url: str | None,
        api_key: str | None,
        tenant: str | None,
        timeout: float,
        retries: RetryPolicy | None,
        environment: Mapping[str, str] | None = None,
    ) -> "Connection":
        """Arguments, else `MUNIMENT_…` variables, else this machine's default ports."""
        known = os.environ if environment is None else environment
        return cls(
            find_endpoints(url, files_url, extraction_url, known),
            api_key or known.get("MUNIMENT_API_KEY") or None,
            tenant or known.get("MUNIMENT_TENANT") or None,
            timeout,
            retries or RetryPolicy(),
        )

    def for_tenant(self, tenant: str, api_key: str | None) -> "Connection":
        return replace(self, tenant=tenant, api_key=api_key or self.api_key)

    def tenant_code(self, tenant: str | None) -> str:
        code = tenant or self.tenant
        if not code:
            raise NotConfigured("Which tenant? Pass tenant='…', to the call or the client, or set MUNIMENT_TENANT.")
        return code

    def url_of(self, call: Call[Any]) -> str:
        base = None if call.body is None else self.endpoints.upload_base(call.body.size)
        return (base or self.endpoints.base(call.service)) + call.path

    def request_arguments(self, call: Call[Any]) -> dict[str, Any]:
        """For `build_request` of either httpx client, all but a streamed body's content."""
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json, application/problem+json, */*"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        if call.body is not None:
            headers |= call.body.headers
        arguments = {
            "method": call.method,
            "url": self.url_of(call),
            "headers": headers | dict(call.headers),
            "timeout": httpx.Timeout(self.timeout + call.waits, connect=CONNECT_SECONDS),
        }
        if call.params:
            arguments["params"] = list(call.params)
        if call.json is not None:
            arguments["json"] = call.json
        return arguments

    def health_url(self, service: Service) -> str:
        return f"{self.endpoints.base(service)}/healthz/ready"

    def health_of(self, service: Service, answer: httpx.Response | httpx.TransportError) -> ServiceHealth:
        base = self.endpoints.base(service)
        if isinstance(answer, httpx.Response):
            return ServiceHealth(service, base, answer.is_success, "" if answer.is_success else answer.text[:500])
        return ServiceHealth(service, base, ready=False, detail=str(answer) or type(answer).__name__)
