"""A call to a service as a value: what to send, where, whether it may be repeated, and how to read the answer.

Nothing here does any input or output: `Client` and `AsyncClient` send the same calls and run the same flows.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, cast

import httpx

from muniment.decoding import UnexpectedAnswer, decode
from muniment.endpoints import Service
from muniment.errors import FieldError, MunimentError, Problem, problem_class
from muniment.models import Page
from muniment.upload_source import StreamedBody

T = TypeVar("T")

PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and the reading of its answer.

    `repeatable`: sending it twice does what sending it once does (the method says so, or an Idempotency-Key).
    `waits` is how long the service may hold the answer back on our own wish. `done_statuses`: such an answer to a
    repetition means that the first attempt, whose answer was lost, did it.
    """

    service: Service | Literal["gateway"]
    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    body: StreamedBody | None = None
    repeatable: bool = True
    waits: float = 0.0
    done_statuses: tuple[int, ...] = ()


@dataclass(frozen=True)
class Pause:
    """A flow's wish to wait so many seconds."""

    seconds: float


Flow = Generator[Call[Any] | Pause, Any, T]
"""Several calls in a row: yields each, is sent what was read from its answer, returns the outcome."""


def send(call: Call[T]) -> Flow[T]:
    """For flows: `yield from` it, and have the answer with its type."""
    answer: T = yield call
    return answer


class Course(Generic[T]):
    """A flow under way. `wish` is what it wants next, None when it has ended and `outcome()` is there."""

    def __init__(self, flow: Flow[T]) -> None:
        self._flow = flow
        self._outcome: T | None = None
        self.wish: Call[Any] | Pause | None = None
        self._step(lambda: next(flow))

    def answer(self, value: Any) -> None:
        self._step(lambda: self._flow.send(value))

    def fail(self, error: MunimentError) -> None:
        """The flow decides what a failed call means; what it does not handle is raised here."""
        self._step(lambda: self._flow.throw(error))

    def outcome(self) -> T:
        return cast("T", self._outcome)

    def _step(self, step: Callable[[], Call[Any] | Pause]) -> None:
        try:
            self.wish = step()
        except StopIteration as end:
            self.wish, self._outcome = None, end.value


def reads(shape: type[T]) -> Callable[[httpx.Response], T]:
    return lambda response: decode(shape, json_of(response))


def reads_page(shape: type[T]) -> Callable[[httpx.Response], Page[T]]:
    def read(response: httpx.Response) -> Page[T]:
        data = json_of(response)
        if not isinstance(data, dict) or not isinstance(data.get("items"), list):
            raise UnexpectedAnswer("a list has no items")
        return Page(tuple(decode(shape, item) for item in data["items"]), data.get("next_cursor"))

    return read


def reads_items(shape: type[T]) -> Callable[[httpx.Response], tuple[T, ...]]:
    """For lists that come whole."""
    return lambda response: reads_page(shape)(response).items


def reads_nothing(_response: httpx.Response) -> None:
    return None


def json_of(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise UnexpectedAnswer("the answer is not JSON") from error


def read_answer(call: Call[T], response: httpx.Response) -> T:
    """What the call is for, or the problem as an exception."""
    if not response.is_success:
        raise problem_of(response)
    try:
        return call.read(response)
    except UnexpectedAnswer as error:
        where = f"{call.method} {response.request.url}"
        raise MunimentError(f"{where} answered something that this client does not understand: {error}.") from error


def problem_of(response: httpx.Response) -> Problem:
    """The exception for an error answer, whether or not it is problem+json (a proxy's answer is not)."""
    data = _problem_data(response)
    code = str(data.get("code") or f"http-{response.status_code}")
    return problem_class(response.status_code, code)(
        response.status_code,
        code,
        str(data.get("detail") or response.reason_phrase),
        title=str(data.get("title") or response.reason_phrase),
        errors=tuple(_field_error(error) for error in data.get("errors") or ()),
        request_id=data.get("request_id") or response.headers.get("X-Request-Id"),
        retry_after=retry_after_of(response),
        extra={name: value for name, value in data.items() if name not in PROBLEM_MEMBERS},
    )


def _problem_data(response: httpx.Response) -> dict[str, Any]:
    try:
        data = response.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _field_error(error: Any) -> FieldError:
    if not isinstance(error, dict):
        return FieldError("", str(error))
    return FieldError(str(error.get("pointer", "")), str(error.get("detail", "")))


def retry_after_of(response: httpx.Response) -> float | None:
    """The header's seconds; the services never send its other form, a date."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
