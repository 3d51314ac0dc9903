"""How much of a limit is used: amounts, kept by the second at which they no longer count.

An amount counts for a minute and until that second is over, so in any 60 seconds nobody gets more than the limit. One
that is larger than the whole limit needs an empty window, and counts for as long as the limit takes to allow so much.
`storage/shared_rate_windows.py` has the same rule in Lua, for the windows that all processes share.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

WINDOW_SECONDS = 60
LONGEST_SECONDS = 24 * 3600
"""However much was taken at once, it counts for no longer."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` in any `WINDOW_SECONDS`."""

    name: str
    amount: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A limit as someone found it who asked for some amount. Moments are of the clock that the window goes by."""

    limit: Limit
    now: float
    used: int
    frees_at: int
    """When some of it comes back; 0 where nothing is used."""
    fits_at: int
    """When there is room for what is asked for; 0 where there is now."""
    end: int
    """When what is asked for would no longer count."""

    @property
    def fits(self) -> bool:
        return self.fits_at <= self.now

    @property
    def remaining(self) -> int:
        return max(0, self.limit.amount - self.used)

    @property
    def seconds_until_more(self) -> int:
        return max(0, math.ceil(self.frees_at - self.now))

    @property
    def seconds_until_it_fits(self) -> int:
        return max(0, math.ceil(self.fits_at - self.now))

    def after(self, taken: "Taken") -> Self:
        """As it is when this was taken."""
        if not taken.amount:
            return self
        return replace(self, used=self.used + taken.amount, frees_at=self.frees_at or taken.end)


@dataclass(frozen=True, slots=True)
class Taken:
    """An amount in a window."""

    at: float
    end: int
    amount: int

    def changed_to(self, amount: int, limit: Limit) -> Self:
        """As if so much had been taken at the same moment."""
        return replace(self, end=end_of(self.at, amount, limit), amount=amount)


def end_of(taken_at: float, amount: int, limit: Limit) -> int:
    """When an amount that was taken then no longer counts."""
    seconds = min(WINDOW_SECONDS * max(1, amount / limit.amount), LONGEST_SECONDS)
    return math.ceil(taken_at + seconds)


class Window:
    """What one process knows to be used of a limit."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._amounts: dict[int, int] = {}

    def read(self, now: float, amount: int) -> Reading:
        """How things are for one who wants `amount`; 0 always fits."""
        self._amounts = {end: taken for end, taken in self._amounts.items() if end > now}
        used = left = sum(self._amounts.values())
        wanted, fits_at = min(amount, self._limit.amount), 0
        for end in sorted(self._amounts):
            if wanted and left + wanted > self._limit.amount:
                left -= self._amounts[end]
                fits_at = end
        frees_at = min(self._amounts, default=0)
        return Reading(self._limit, now, used, frees_at, fits_at, end_of(now, amount, self._limit))

    def add(self, taken: Taken) -> None:
        if taken.amount:
            self._amounts[taken.end] = self._amounts.get(taken.end, 0) + taken.amount

    def remove(self, taken: Taken) -> None:
        if (left := self._amounts.pop(taken.end, 0) - taken.amount) > 0:
            self._amounts[taken.end] = left

    def is_empty(self, now: float) -> bool:
        return all(end <= now for end in self._amounts)
