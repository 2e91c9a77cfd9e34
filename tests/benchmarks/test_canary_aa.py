import numpy as np

from benchmarks.canary_aa import Cell, Ends, plan_cells, run, simulate, summarize
from deploy.delivery.trial_policy import DeliveryPolicy

POLICY = DeliveryPolicy()


def ends(rolled_back: int, promoted: int, n: int = 1_000) -> Ends:
    return Ends(*(np.where(np.arange(n) < events, 500, 0) for events in (rolled_back, promoted)))


def passed(truth: str, factor: float, found: Ends) -> dict[str, bool]:
    return {each.name: each.passed for each in summarize(Cell("ar1", truth, factor, 5_000), found)}


def test_the_bars_hold_for_the_95_percent_bound_of_the_share() -> None:
    # Clopper-Pearson of 1,000: 4 events have the upper bound 0.91 %, 5 have 1.05 %; 996 have the lower bound 99.1 %
    assert passed("at_margin", 1.02, ends(4, 4))["ar1_at_margin_promoted_high95"]
    assert not passed("at_margin", 1.02, ends(0, 5))["ar1_at_margin_promoted_high95"]
    assert not passed("at_margin", 1.02, ends(5, 0))["ar1_at_margin_rolled_back_high95"]
    assert not passed("equal", 1.0, ends(1, 1_000))["ar1_equal_rolled_back"]
    assert passed("plus_4_percent", 1.04, ends(996, 0))["ar1_plus_4_percent_rolled_back_low95"]
    assert not passed("plus_4_percent", 1.04, ends(990, 0))["ar1_plus_4_percent_rolled_back_low95"]


def test_every_traffic_meets_every_truth() -> None:
    cells = plan_cells(5_000, POLICY)
    assert len(cells) == len(set(cells)) == 18
    assert {cell.factor for cell in cells if cell.truth == "at_margin"} == {1.02}


def test_a_canary_ends_with_the_first_bound_that_leaves_its_margin() -> None:
    worse = simulate(Cell("lognormal", "plus_4_percent", 1.04, 4_000), 10, (1, 2), POLICY)
    equal = simulate(Cell("lognormal", "equal", 1.0, 4_000), 10, (1, 2), POLICY)
    assert (worse.rolled_back >= POLICY.roll_back_min_pairs).all() and not worse.promoted.any()
    assert (equal.promoted >= POLICY.shadow_min_pairs).all() and not equal.rolled_back.any()


def test_the_shared_work_gives_what_each_cell_gives_alone() -> None:
    cells = [Cell("bursts", "equal", 1.0, 300), Cell("ar1", "at_margin", 1.02, 300)]
    alone = [
        result for index, cell in enumerate(cells) for result in summarize(cell, simulate(cell, 2, (index, 0), POLICY))
    ]
    assert run(cells, 2, POLICY) == alone
    assert len({each.name for each in alone}) == len(alone)
