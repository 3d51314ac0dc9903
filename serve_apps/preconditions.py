"""Entity tags (RFC 9110): `"m<version>"` of what is described, the SHA-256 of what is downloaded.

A tenant is shown with its statistics, which change without a new version: its tag is `"m<version>-<hash of them>"`.
"""

import hashlib
import re

import orjson
from fastapi import Request

from serve_apps.request_errors import PreconditionRequired
from storage.tenant_crud import TenantStats

VERSION_TAG = re.compile(r'"m(\d{1,18})(?:-[0-9a-f]{16})?"', re.ASCII)
TAG = re.compile(r'(?:W/)?"[^"]*"')


def version_tag(version: int) -> str:
    return f'"m{version}"'


def tenant_tag(version: int, stats: TenantStats) -> str:
    return f'"m{version}-{hashlib.blake2b(orjson.dumps(stats), digest_size=8).hexdigest()}"'


def if_match(request: Request) -> int | None:
    """The version that the caller saw; None for `*`, any version. Statistics keep nobody from making a change.

    Raises `PreconditionRequired` without the header. A tag that no version ever had never matches: it comes back as
    version -1.
    """
    header = request.headers.get("if-match")
    if header is None:
        raise PreconditionRequired
    if header.strip() == "*":
        return None
    match = VERSION_TAG.fullmatch(header.strip())
    return int(match.group(1)) if match else -1


def none_match(header: str | None, tag: str) -> bool:
    """Whether `If-None-Match` lets the answer through. Comparison is weak, as for every GET."""
    if header is None:
        return True
    if header.strip() == "*":
        return False
    return tag not in [found.removeprefix("W/") for found in TAG.findall(header)]
