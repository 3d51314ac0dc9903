"""Errors as `application/problem+json` (RFC 9457), all of them from one table."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps import request_errors as asked
from serve_apps.request_context import request_id
from storage import errors, resumable_errors, upload_errors
from storage.errors import pointer

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUS_OF: dict[type[errors.MunimentError], int] = {
    errors.AlreadyFinished: 409,
    errors.DigestMismatch: 422,
    errors.DuplicateFile: 409,
    errors.IdempotencyKeyInUse: 409,
    errors.IdempotencyKeyReused: 422,
    errors.ImmutableField: 422,
    errors.InvalidFields: 422,
    errors.InvalidTenantCode: 422,
    errors.NotExtractable: 415,
    errors.NotFinished: 409,
    errors.NotFound: 404,
    errors.QuotaExceeded: 507,
    errors.StorageFull: 507,
    errors.TenantActorFenced: 503,
    errors.TenantCodeRetired: 409,
    errors.TenantExists: 409,
    errors.TenantSuspended: 403,
    errors.TooManyQueued: 429,
    errors.TooManyWebhooks: 409,
    errors.Unavailable: 503,
    errors.VersionConflict: 412,
    resumable_errors.ChecksumMismatch: 460,
    resumable_errors.LengthExceeded: 413,
    resumable_errors.NotAPiece: 415,
    resumable_errors.OffsetMismatch: 409,
    resumable_errors.UnsupportedTusVersion: 412,
    resumable_errors.UploadBusy: 423,
    resumable_errors.UploadExpired: 410,
    resumable_errors.UploadStalled: 408,
    resumable_errors.UploadTakenOver: 409,
    upload_errors.ArchiveUnsafe: 422,
    upload_errors.ExtensionNotAllowed: 415,
    upload_errors.FileTooLarge: 413,
    upload_errors.InvalidFileName: 422,
    upload_errors.MediaTypeMismatch: 422,
    upload_errors.MediaTypeNotAllowed: 415,
    asked.BadCursor: 400,
    asked.BadRequest: 400,
    asked.BodyTooLarge: 413,
    asked.BodyTooLargeForGateway: 413,
    asked.MissingScope: 403,
    asked.OneFilePerRequest: 422,
    asked.Overloaded: 503,
    asked.PreconditionRequired: 428,
    asked.RangeNotSatisfiable: 416,
    asked.RateLimited: 429,
    asked.ShuttingDown: 503,
    asked.Unauthorized: 401,
    asked.UnsupportedPatch: 415,
}

HTTP_CODES = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    415: "unsupported-media-type",
}


def problem(
    request: Request,
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **extensions: Any,
) -> Response:
    body = {
        "type": f"urn:muniment:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": _instance(request.scope),
        "code": code,
        "request_id": request_id(),
    } | extensions
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def _instance(scope: Scope) -> str:
    """The path as the caller sent it, with `/files` in front where it came through the gateway."""
    # Not from `request.url`: that reads the query and the Host header too, which may be anything.
    root: str = scope.get("root_path", "")
    return quote(root + scope["path"].removeprefix(root), safe="/:@!$&'()*+,;=~")


def problem_of(request: Request, error: errors.MunimentError) -> Response:
    """The answer for an expected error; its class must be in the table."""
    return problem(
        request,
        STATUS_OF[type(error)],
        error.code,
        error.title,
        str(error),
        headers=_headers(error),
        **_extensions(error),
    )


def _headers(error: errors.MunimentError) -> dict[str, str]:
    match error:
        case asked.Unauthorized():
            return {"WWW-Authenticate": 'Bearer realm="muniment"'}
        case (
            errors.Unavailable(retry_after=seconds)
            | asked.RateLimited(retry_after=seconds)
            | asked.Overloaded(retry_after=seconds)
        ):
            return {"Retry-After": str(seconds)}
        case (
            errors.TooManyQueued()
            | errors.IdempotencyKeyInUse()
            | errors.TenantActorFenced()
            | asked.ShuttingDown()
            | resumable_errors.UploadBusy()
        ):
            return {"Retry-After": "2"}
        case asked.RangeNotSatisfiable(size=size):
            return {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        case asked.UnsupportedPatch():
            return {"Accept-Patch": "application/merge-patch+json"}
        case _:
            return {}


def _extensions(error: errors.MunimentError) -> dict[str, Any]:
    match error:
        case errors.InvalidFields():
            return {"errors": [{"pointer": pointer, "detail": detail} for pointer, detail in error.fields]}
        case upload_errors.ArchiveUnsafe():
            return {"reason": error.reason}
        case errors.DuplicateFile():
            return {"file_id": error.file_id}
        case asked.RateLimited():
            return {"policy": error.policy}
        case _:
            return {}


def _expected(request: Request, error: Exception) -> Response:
    if not isinstance(error, errors.MunimentError):
        raise TypeError(error)
    return problem_of(request, error)


def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise TypeError(error)
    found = [{"pointer": _pointer(item["loc"]), "detail": str(item["msg"])} for item in error.errors()]
    return problem(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-request",
        "The request is not valid",
        "; ".join(f"{item['pointer']}: {item['detail']}" for item in found),
        errors=found,
    )


def _pointer(location: tuple[int | str, ...]) -> str:
    """`("body", "a", 0)` → `/a/0`; a query parameter or header is named by itself."""
    where, *rest = location
    return pointer(*rest) if where == "body" else "/".join(map(str, rest))


def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError(error)
    phrase = HTTPStatus(error.status_code).phrase
    code = HTTP_CODES.get(error.status_code, phrase.lower().replace(" ", "-"))
    detail = "There is nothing at this address." if error.status_code == HTTPStatus.NOT_FOUND else str(error.detail)
    return problem(request, error.status_code, code, phrase, detail, headers=error.headers)


class UnexpectedErrors:
    """ASGI middleware: a defect is logged, and answered without a word of what it was.

    Within the request's context, other than Starlette's own handler of such errors: the answer has the request's id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted_send(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noted_send)
        except ClientDisconnect:
            log.info("client went away")
        except Exception:
            if scope["type"] != "http" or begun:
                # What has begun cannot be taken back: the server breaks the connection off.
                raise
            log.exception("request failed")
            await _unexpected(Request(scope))(scope, receive, send)


def _unexpected(request: Request) -> Response:
    return problem(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "Something went wrong here",
        "The service failed; its log names this request by its id.",
    )


def install_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(errors.MunimentError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    # Innermost, so that the answer has a request id and a log line like any other.
    app.user_middleware.append(Middleware(UnexpectedErrors))
