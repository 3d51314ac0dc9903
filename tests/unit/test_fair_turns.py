from collections import Counter
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from actors.fair_turns import FairTurns
from storage.extraction_records import WaitingTenant


def tenant(weight: int = 1, running: int = 0, max_running: int = 100, tenant_id: UUID | None = None) -> WaitingTenant:
    return WaitingTenant(tenant_id or uuid4(), weight, max_running, running)


def served(turns: FairTurns, waiting: list[WaitingTenant], rounds: int) -> Counter[UUID]:
    count: Counter[UUID] = Counter()
    for _ in range(rounds):
        chosen = turns.next(waiting)
        assert chosen is not None
        turns.charge(chosen)
        count[chosen.tenant_id] += 1
    return count


@given(st.lists(st.integers(1, 10), min_size=1, max_size=8))
def test_tenants_are_served_in_proportion_to_their_weights(weights: list[int]) -> None:
    waiting = [tenant(weight) for weight in weights]
    rounds = 20 * sum(weights)
    count = served(FairTurns(), waiting, rounds)
    for each in waiting:
        assert abs(count[each.tenant_id] - 20 * each.weight) <= each.weight + len(waiting)


@given(st.integers(1, 200))
def test_a_newcomer_is_next_within_one_turn_each_however_long_the_others_ran(head_start: int) -> None:
    turns = FairTurns()
    busy = [tenant(), tenant()]
    served(turns, busy, head_start)
    newcomer = tenant()
    assert served(turns, [*busy, newcomer], len(busy) + 1)[newcomer.tenant_id] >= 1


def test_turns_are_not_saved_up_while_there_is_no_work() -> None:
    turns = FairTurns()
    busy, sleeper = tenant(), tenant()
    served(turns, [busy, sleeper], 2)
    served(turns, [busy], 100)
    assert served(turns, [busy, sleeper], 10)[sleeper.tenant_id] <= 6


def test_nobody_gets_more_than_its_share_of_running_jobs() -> None:
    assert FairTurns().next([tenant(running=2, max_running=2)]) is None
    assert FairTurns().next([]) is None


def test_the_last_slot_is_for_who_has_nothing_running() -> None:
    idle = tenant()
    assert FairTurns().next([tenant(running=1), idle], last_slot=True) == idle
    assert FairTurns().next([tenant(running=1)], last_slot=True) is None


def test_memory_is_kept_only_of_tenants_that_are_ahead() -> None:
    turns = FairTurns()
    for _ in range(1000):
        turns.charge(tenant())
    assert len(turns._passes) <= 1000
    served(turns, [tenant() for _ in range(3)], 12)
    assert len(turns._passes) <= 3
