"""Errors of groups: against loops, by table, and by fresh draws of equal groups."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from vae_core.errors import DataError, DivergenceError
from vae_core.evaluation.images.group_errors import measure_groups, wilson_share


def _three_kinds() -> tuple[np.ndarray, np.ndarray]:
    """Boots are twice as bad, bags few and worse still."""
    rng = np.random.default_rng(0)
    errors = np.concatenate([rng.gamma(4, 0.25, 400), 2 * rng.gamma(4, 0.25, 200), 5 * rng.gamma(4, 0.25, 10)])
    return errors, np.repeat(["shirt", "boot", "bag"], [400, 200, 10])


def test_the_worst_group_comes_first_and_a_small_one_is_only_listed() -> None:
    errors, groups = _three_kinds()
    found = measure_groups(errors, groups)
    assert [group.group for group in found.judged] == ["boot", "shirt"]
    assert [(group.group, group.n, group.error) for group in found.listed] == [("bag", 10, None)]
    worst = found.judged[0]
    assert worst.error is not None and worst.error.low < 2 < worst.error.high
    assert worst.ratio == pytest.approx(worst.mean / errors.mean())


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1)), min_size=2, max_size=60))
def test_groups_are_a_partition_whose_means_are_those_of_a_loop(rows: list[tuple[int, float]]) -> None:
    groups, errors = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = measure_groups(errors, groups, smallest=2)
    all_groups = {group.group: group for group in (*found.judged, *found.listed)}
    assert sum(group.n for group in all_groups.values()) == len(rows) == found.overall.n
    for name in set(groups.tolist()):
        mine = [error for group, error in rows if group == name]
        assert (all_groups[str(name)].n, all_groups[str(name)].mean) == (len(mine), pytest.approx(np.mean(mine)))
    means = [group.mean for group in found.judged]
    assert means == sorted(means, reverse=True)


def test_intervals_of_ten_equal_groups_hold_together() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(10), 60)
    held = [
        all(group.error is not None and group.error.low <= 1 <= group.error.high for group in found.judged)
        for found in (measure_groups(rng.gamma(4, 0.25, 600), groups) for _ in range(300))
    ]
    # 95 % of 300 is known to 1.3 %, and skewness at n = 60 costs some: single 95 % intervals would hold 60 % together
    assert np.mean(held) >= 0.90


@pytest.mark.parametrize(("hits", "n"), [(61, 200), (0, 12), (12, 12)])
def test_a_share_has_wilsons_interval(hits: int, n: int) -> None:
    share = wilson_share(hits, n, 0.975)
    expected = scipy.stats.binomtest(hits, n).proportion_ci(0.975, method="wilson")
    np.testing.assert_allclose((share.low, share.high), expected, rtol=1e-9, atol=1e-12)
    assert (share.n, share.mean) == (n, hits / n)


def test_errors_in_single_precision_are_averaged_in_double() -> None:
    errors = np.full(100_000, 0.1, np.float32)
    errors[0] = 1e6
    assert measure_groups(errors, np.zeros(100_000, int)).judged[0].mean == pytest.approx(
        errors.astype(np.float64).mean(), rel=1e-12
    )


def test_when_all_groups_are_small_none_is_the_worst() -> None:
    found = measure_groups(np.ones(4), ["a", "a", "b", "b"])
    assert found.judged == () and len(found.listed) == 2


def test_unfit_rows_are_refused() -> None:
    with pytest.raises(DataError, match=r"one group an image, came \(3,\) and \(2,\)"):
        measure_groups(np.ones(3), [0, 1])
    with pytest.raises(DataError, match="at least 2, came 1"):
        measure_groups(np.ones(3), [0, 1, 1], smallest=1)
    with pytest.raises(DivergenceError, match="1 of 3 values are NaN"):
        measure_groups(np.array([1.0, np.nan, 1.0]), [0, 1, 1])
