"""Whose job is next: stride scheduling, each tenant's turns in proportion to its weight."""

from collections.abc import Collection
from uuid import UUID

from storage.extraction_records import WaitingTenant


class FairTurns:
    """Every turn moves its tenant on by 1/weight; the tenant furthest behind is next.

    Who had no work does not save up turns: it joins where the others are.
    """

    def __init__(self) -> None:
        self._passes: dict[UUID, float] = {}
        self._now = 0.0

    def next(self, waiting: Collection[WaitingTenant], *, last_slot: bool = False) -> WaitingTenant | None:
        """The tenant to serve, or None where nobody may have more. Tells nothing to `charge` by itself.

        `last_slot` is kept for tenants that have nothing running: one with thousands of jobs cannot make the others
        wait until one of its long ones ends.
        """
        eligible = [tenant for tenant in waiting if tenant.running < (1 if last_slot else tenant.max_running)]
        return min(eligible, key=lambda tenant: (self._pass(tenant), tenant.tenant_id), default=None)

    def charge(self, tenant: WaitingTenant) -> None:
        """The tenant had its turn."""
        self._now = self._pass(tenant)
        self._passes[tenant.tenant_id] = self._now + 1 / tenant.weight
        # Whoever is not ahead of the others needs no memory.
        self._passes = {tenant_id: mark for tenant_id, mark in self._passes.items() if mark > self._now}

    def _pass(self, tenant: WaitingTenant) -> float:
        return max(self._passes.get(tenant.tenant_id, 0.0), self._now)
