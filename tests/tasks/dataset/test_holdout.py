"""What is held out, watched and trained on of a window that is new as a whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset.holdout import (
    MIN_NEW_IMAGES,
    HeldOut,
    Learn,
    gather_moments,
    hold_out,
    hold_out_for_reference,
    wanted_window,
    watch_some,
)
from tasks.errors import NotEnoughData
from tests.tasks.opened import forget, opened

pytestmark = pytest.mark.usefixtures("configure")


def _window(count: int) -> pa.Table:
    """One image a second, all from one source."""
    began = datetime(2026, 3, 1, tzinfo=UTC)
    times = [began + timedelta(seconds=row) for row in range(count)]
    return pa.table({"source": ["http"] * count, "captured_at": pa.array(times, pa.timestamp("us", "UTC"))})


def _hold_out(count: int, learn: Learn | None = None) -> np.ndarray:
    """Of a window that is new as a whole, and has no copies but what `learn` knows of."""
    everything = np.arange(count)
    rest = learn or (lambda held: np.setdiff1d(everything, held.rows))
    held = hold_out_for_reference(opened(), _window(count), np.ones(count, dtype=bool), everything, 1, rest)
    assert held.sources == () and not len(held.of_cut_groups)
    return held.rows


@pytest.mark.parametrize("count", [1_060, 1_300, 2_000])
def test_the_hold_out_serves_as_a_reference_and_enough_is_left_to_train_on(count: int) -> None:
    """1,300: as many as the monitor judges at least, and waits for where it can name no cluster."""
    holdout = _hold_out(count)
    rest = np.setdiff1d(np.arange(count), holdout)
    watched = watch_some(rest)
    assert holdout.min() > rest.max(), "the newest"
    assert len(holdout) >= opened().settings.drift.min_reference
    assert len(watched) >= 30
    assert len(rest) - len(watched) >= MIN_NEW_IMAGES


def test_with_all_that_is_wanted_no_more_than_the_usual_share_is_held_out() -> None:
    count = wanted_window(opened())
    holdout = _hold_out(count)
    assert len(holdout) == opened().settings.evaluation.window_holdout_share * count == 500


def test_too_short_a_window_is_refused_with_both_numbers() -> None:
    with pytest.raises(NotEnoughData, match=r"^no hold-out of at least 500 images, .* newest 900 .*500 are trained"):
        _hold_out(900)


def test_where_copies_of_what_is_held_out_leave_too_few_less_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_DRIFT__MIN_REFERENCE", "200")
    forget()

    def learn(held: HeldOut) -> np.ndarray:  # each held-out image has two copies among the others
        return np.arange(1_400 - 3 * len(held.rows))

    assert len(_hold_out(1_400, learn)) == 210, "15 %: of the 25 % that are wanted 350 were left to train on"
    with pytest.raises(NotEnoughData, match=r"15% held out 400 are left .* for 790 others are copies of images that"):
        _hold_out(1_400, lambda held: learn(held)[:400])


def test_copies_have_one_moment_so_that_time_does_not_part_them() -> None:
    captured, groups = np.arange(1, 9), np.array([0, 1, 0, 2, 3, 3, 3, 3])
    moments = gather_moments(captured, groups, groups < 3)
    assert moments[0] == moments[2] in (1, 3)
    np.testing.assert_array_equal(moments[[1, 3]], [2, 4])
    np.testing.assert_array_equal(moments[4:], [5, 6, 7, 8])


def test_what_comes_twice_is_among_the_newest_as_often_as_what_comes_once() -> None:
    """The newest half of a thousand pairs in a random order; 4 standard errors of their share."""
    groups = np.random.default_rng(6).permutation(np.arange(1_000).repeat(2))
    moments = gather_moments(np.arange(2_000), groups, np.ones(2_000, dtype=bool))
    assert len(np.unique(moments)) == 1_000
    assert abs((moments >= 1_000).mean() - 0.5) < 4 * 0.5 / np.sqrt(1_000)


def test_copies_that_are_too_many_to_hold_out_are_on_both_sides_and_named() -> None:
    """Of 2,000 images 400 are copies of one another; pairs stay together."""
    groups = np.concatenate([np.full(400, -1), np.arange(800).repeat(2)])
    groups = groups[np.random.default_rng(3).permutation(2_000)]
    held = hold_out(opened(), _window(2_000), np.zeros(2_000, dtype=bool), 0.25, 1, groups=groups)
    inside = np.zeros(2_000, dtype=bool)
    inside[held.rows] = True
    assert 490 <= len(held.rows) <= 500
    np.testing.assert_array_equal(held.of_cut_groups, np.flatnonzero(inside & (groups == -1)))
    assert 60 < len(held.of_cut_groups) < 140, "their share of it"
    for pair in range(800):
        assert len({*inside[groups == pair].tolist()}) == 1
