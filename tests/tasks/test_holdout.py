"""What is held out, watched and trained on of a window that is new as a whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from tasks.context import settings
from tasks.errors import NotEnoughData
from tasks.holdout import MIN_NEW_IMAGES, hold_out_for_reference, wanted_window, watch_some

pytestmark = pytest.mark.usefixtures("configure")


def _window(count: int) -> pa.Table:
    """One image a second, all from one source."""
    began = datetime(2026, 3, 1, tzinfo=UTC)
    times = [began + timedelta(seconds=row) for row in range(count)]
    return pa.table({"source": ["http"] * count, "captured_at": pa.array(times, pa.timestamp("us", "UTC"))})


@pytest.mark.parametrize("count", [1_060, 1_300, 2_000])
def test_the_hold_out_serves_as_a_reference_and_enough_is_left_to_train_on(count: int) -> None:
    """1,300: as many as the monitor judges at least, and waits for where it can name no cluster."""
    holdout, sources = hold_out_for_reference(_window(count), np.ones(count, dtype=bool), 1)
    rest = np.setdiff1d(np.arange(count), holdout)
    watched = watch_some(rest)
    assert sources == () and holdout.min() > rest.max(), "the newest"
    assert len(holdout) >= settings().drift.min_reference
    assert len(watched) >= 30
    assert len(rest) - len(watched) >= MIN_NEW_IMAGES


def test_with_all_that_is_wanted_no_more_than_the_usual_share_is_held_out() -> None:
    count = wanted_window()
    holdout, _ = hold_out_for_reference(_window(count), np.ones(count, dtype=bool), 1)
    assert len(holdout) == settings().evaluation.window_holdout_share * count == 500


def test_too_short_a_window_is_refused_with_both_numbers() -> None:
    with pytest.raises(NotEnoughData, match=r"^no hold-out of at least 500 images, .* newest 900 .*500 are trained"):
        hold_out_for_reference(_window(900), np.ones(900, dtype=bool), 1)
