"""What clients were promised: for each thing the states that it may be in, one where everything was acknowledged.

A change whose answer was lost may have happened wholly or not at all: it adds a second state, and no third.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True)
class Content:
    """Bytes that can be made again when they are compared. They differ wherever their seeds do."""

    seed: int
    size: int

    @property
    def bytes(self) -> bytes:
        return random.Random(self.seed).randbytes(self.size)  # noqa: S311 - made again, not kept secret

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.bytes).hexdigest()


@dataclass(frozen=True, slots=True)
class FileState:
    name: str
    tags: tuple[str, ...]
    metadata: Mapping[str, Any]
    version: int = 1


@dataclass(frozen=True, slots=True)
class TenantState:
    """Metadata and configuration are changed together: `number` is in both."""

    number: int
    version: int


@dataclass
class Tracked(Generic[State]):
    """A thing; None among its possible states: there is no such thing."""

    possible: list[State | None] = field(default_factory=lambda: [None])

    @property
    def state(self) -> State | None:
        """The one state that it can be in."""
        (state,) = self.possible
        return state

    @property
    def is_settled(self) -> bool:
        return len(self.possible) == 1

    def try_to(self, state: State | None) -> None:
        """A change is on its way."""
        self.possible.append(state)

    def settle(self, state: State | None) -> None:
        self.possible = [state]


@dataclass
class TrackedFile(Tracked[FileState]):
    """`key` is the upload's Idempotency-Key, where it has one; `id` is known when the upload was acknowledged."""

    content: Content = field(kw_only=True)
    uploaded: FileState | None = None
    """What it is when it was uploaded; None for one that must be refused."""
    key: str = ""
    id: str = ""
    changes: int = 0
    """How many there were, also when it is gone."""

    def settle(self, state: FileState | None) -> None:
        super().settle(state)
        if state is not None:
            self.changes = state.version - 1


@dataclass
class TrackedPieces(TrackedFile):
    """A file that comes in pieces: where it goes on, and how many of its bytes were acknowledged."""

    location: str = ""
    acknowledged: int = 0
    given_up: bool = False
    """Its client has asked to forget it."""

    @property
    def may_go_on(self) -> bool:
        """Whether its sender knows where. With a finished file that was deleted its upload is gone too."""
        return bool(self.location) and not (self.id and self.state is None)


@dataclass
class TrackedKey(Tracked[bool]):
    """One of a tenant's API keys: True while it works."""

    secret: str = field(kw_only=True)
    id: str = field(kw_only=True)


@dataclass
class TrackedTenant(Tracked[TenantState]):
    code: str = field(kw_only=True)
    id: str = ""
    operation: str = ""
    """Of its deletion, once that was acknowledged."""
    files: list[TrackedFile] = field(default_factory=list)
    keys: list[TrackedKey] = field(default_factory=list)


@dataclass
class Ledger:
    """Everything that one run has done, and what was wrong with it on the way."""

    tenants: list[TrackedTenant] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    requests: int = 0
    acknowledged: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    """By their codes."""
    time_has_passed: bool = False
    """Uploads in pieces may have expired since."""

    def unanswered_uploads(self) -> list[tuple[TrackedTenant, TrackedFile]]:
        """Those that may be sent again, because they have a key."""
        return [(tenant, file) for tenant in self.tenants for file in tenant.files if file.key and not file.id]
