"""What an emergency trains on: no image of any hold-out, and so much replay that the new kind has its share."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tasks.dataset.images import benchmark_digests
from tasks.dataset.mixing import mark_new_kind
from tasks.dataset.rows import early_stopping_rows, fix_rows, in_window, planned_rows, training_rows
from tasks.plan import validate_plan
from tests.tasks.arrivals import ingest
from tests.tasks.opened import opened
from tests.tasks.season import (
    SERVED_SINCE,
    capture_traffic,
    change_season,
    known_images,
    plan_emergency,
    ship,
)
from vae_core.training.data.mixing import MAX_OVERSAMPLING

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


def test_the_next_emergency_trains_on_no_image_of_an_older_benchmark(home: Path) -> None:
    change_season()
    first = plan_emergency()
    change_season(day=2)
    second = plan_emergency("drift-2")
    assert first.benchmark_new is not None and second.benchmark_new is not None
    before = benchmark_digests(opened().objects, first.benchmark_new.prefix)
    rows = training_rows(opened(), opened().catalogue, second, [])["digest"].to_pylist()
    assert not set(before) & set(rows)
    assert not set(before) & set(benchmark_digests(opened().objects, second.benchmark_new.prefix))
    validate_plan.fn(opened(), second)


def test_a_run_whose_rows_another_one_held_out_meanwhile_trains_on_the_others(home: Path) -> None:
    change_season(known=1_260, new=540)
    mine, theirs = plan_emergency("mine"), plan_emergency("theirs")
    assert theirs.benchmark_new is not None
    held_out = set(benchmark_digests(opened().objects, theirs.benchmark_new.prefix))
    catalogue = opened().catalogue
    assert held_out & set(planned_rows(opened(), catalogue, mine, [])["digest"].to_pylist()), (
        "there is something to leave out"
    )

    validate_plan.fn(opened(), mine)
    rows = training_rows(opened(), catalogue, mine, [])
    excluded = fix_rows(opened(), catalogue, mine)
    watched = early_stopping_rows(opened(), catalogue, mine, [])["digest"].to_pylist()
    assert held_out.isdisjoint({*rows["digest"].to_pylist(), *watched})
    assert 0 < len(excluded.digests) <= len(held_out) and len(rows) < mine.n_training
    validate_plan.fn(opened(), theirs)


def test_a_folder_whose_times_fall_inside_the_window_is_replayed_and_bounded_like_it(home: Path) -> None:
    capture_traffic(known=630, new=170, seed=1_000, day=1)
    ship("supplier-late", known_images(1_500, seed=77), SERVED_SINCE + timedelta(days=1, seconds=800))
    ingest()
    plan = plan_emergency()
    assert plan.found is not None
    # half of what is drawn is to be new, so that 1,500 images are too many
    plan = plan.model_copy(update={"found": plan.found.model_copy(update={"purity": 0.4})})
    rows = training_rows(opened(), opened().catalogue, plan, [])
    inside, new = in_window(opened(), rows, plan), mark_new_kind(opened(), rows, plan)
    late = np.array([source == "supplier-late" for source in rows["source"].to_pylist()])
    assert late.any() and not (late & inside).any()
    assert len(rows) < len(planned_rows(opened(), opened().catalogue, plan, []))
    assert MAX_OVERSAMPLING * new.sum() / len(rows) >= 0.5
