"""When a call is sent again, and after how long. Pure: the clients send and sleep."""

import random
from dataclasses import dataclass
from typing import Generic, TypeVar

import httpx

from muniment.calls import Call, problem_of, read_answer, retry_after_of
from muniment.errors import ConnectionFailed, Problem

T = TypeVar("T")

NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures after which even a call that must not happen twice may be sent again."""

CONFLICT, TOO_MANY_REQUESTS, UNAVAILABLE = 409, 429, 503
BROKEN_GATEWAY = {502, 504}


@dataclass(frozen=True)
class RetryPolicy:
    """At most `attempts` tries; pauses grow from `first_pause` to `longest_pause` seconds, jittered.

    A Retry-After longer than `longest_wait` is not waited for: the problem is raised at once and carries it.
    """

    attempts: int = 5
    first_pause: float = 0.2
    longest_pause: float = 10.0
    longest_wait: float = 75.0

    def pause(self, attempt: int, retry_after: float | None = None) -> float:
        """Seconds before the try after `attempt` (counted from 1). Jitter keeps clients from returning together."""
        backoff = min(self.longest_pause, self.first_pause * 2.0 ** (attempt - 1))
        jittered = backoff * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
        return jittered if retry_after is None else retry_after + jittered


class Delivery(Generic[T]):
    """One call on its way, over however many tries it takes."""

    def __init__(self, call: Call[T], policy: RetryPolicy) -> None:
        self._call, self._policy = call, policy
        self._attempt = 1
        self._may_have_arrived = False

    def pause_after_failure(self, url: str, error: httpx.TransportError) -> float:
        """Seconds until the next try; raises ConnectionFailed when there is none."""
        arrived = not isinstance(error, NEVER_ARRIVED)
        if not self._may_try_again() or (arrived and not self._call.repeatable) or _is_our_fault(error):
            raise ConnectionFailed(url, str(error) or type(error).__name__) from error
        self._may_have_arrived |= arrived
        return self._next_pause(None)

    def pause_after_answer(self, response: httpx.Response) -> float | None:
        """Seconds until the next try, or None: this answer stands."""
        if response.is_success or not self._may_try_again() or not self._may_pass(response):
            return None
        retry_after = retry_after_of(response)
        if retry_after is not None and retry_after > self._policy.longest_wait:
            return None
        self._may_have_arrived |= response.status_code in BROKEN_GATEWAY
        return self._next_pause(retry_after)

    def outcome(self, response: httpx.Response) -> T:
        """What the call is for; raises the Problem that stands in the answer."""
        try:
            return read_answer(self._call, response)
        except Problem as problem:
            # The first try did it, and only its answer was lost.
            if self._may_have_arrived and problem.status in self._call.done_statuses:
                return self._call.read(response)
            raise

    def _may_try_again(self) -> bool:
        body = self._call.body
        return self._attempt < self._policy.attempts and (body is None or body.source.rereadable)

    def _may_pass(self, response: httpx.Response) -> bool:
        if response.status_code == TOO_MANY_REQUESTS:
            return True  # refused before anything was done
        if response.status_code == CONFLICT and self._may_have_arrived:
            # Our own broken try still runs under the same Idempotency-Key.
            return problem_of(response).code == "idempotency-key-in-use"
        return self._call.repeatable and response.status_code in {UNAVAILABLE, *BROKEN_GATEWAY}

    def _next_pause(self, retry_after: float | None) -> float:
        pause = self._policy.pause(self._attempt, retry_after)
        self._attempt += 1
        return pause


def _is_our_fault(error: httpx.TransportError) -> bool:
    return isinstance(error, (httpx.LocalProtocolError, httpx.UnsupportedProtocol))
