"""The newest images before an emergency: which are of a new kind, which are held out, and when there are too few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.dataset.mixing import mark_new_kind
from tasks.dataset.rows import training_rows
from tasks.errors import DataRefused, NotEnoughData
from tasks.evaluate import _for_reference
from tasks.plan import plan_retrain, validate_plan
from tests.tasks.arrivals import ingest
from tests.tasks.opened import forget, opened
from tests.tasks.season import (
    MIN_NEW,
    capture_images,
    change_season,
    known_images,
    new_images,
    plan_emergency,
)

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


def test_a_new_kind_that_came_twice_in_nearly_the_same_images_is_held_out_in_pairs(home: Path) -> None:
    """Copies on both sides would be left out of the training, which then has too few: by time alone, 70 of 150."""
    once = new_images(75, seed=8)
    again = np.clip(once.astype(np.int64) + 2, 0, 255).astype(np.uint8)
    images = np.concatenate([known_images(800, seed=9), once, again])
    capture_images(images[np.random.default_rng(4).permutation(len(images))], day=1)
    ingest()

    plan = plan_emergency()

    validate_plan.fn(opened(), plan)
    assert plan.benchmark_new is not None and plan.benchmark_new.n >= 60
    rows = training_rows(opened(), opened().catalogue, plan, [])
    assert mark_new_kind(opened(), rows, plan).sum() >= MIN_NEW


def test_a_new_kind_whose_images_are_nearly_all_alike_is_learnt_and_that_they_are_on_both_sides_is_said(
    home: Path,
) -> None:
    alike = new_images(1, seed=8) + np.random.default_rng(2).integers(0, 2, (150, 28, 28), dtype=np.uint8)
    images = np.concatenate([known_images(800, seed=9), alike])
    capture_images(images[np.random.default_rng(4).permutation(len(images))], day=1)
    ingest()

    plan = plan_emergency()

    validate_plan.fn(opened(), plan)
    assert plan.benchmark_new is not None
    assert plan.benchmark_new.cut.endswith("of its images have too many copies to hold all of them out")
    assert mark_new_kind(opened(), training_rows(opened(), opened().catalogue, plan, []), plan).sum() >= MIN_NEW


def test_too_few_new_images_are_one_line_with_both_numbers(home: Path) -> None:
    change_season(known=400, new=90)
    with pytest.raises(NotEnoughData, match=r"^\d+ images of a new kind .*: expected at least 118, .*15% held out"):
        plan_emergency()
    assert opened().ledger.entries("benchmark", "new") == [], "nothing is held back that could be trained on later"


def test_the_hold_out_grows_until_the_reference_that_it_becomes_can_be_judged_against(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_season()
    monkeypatch.setenv("LATENTLOOP_DRIFT__MIN_REFERENCE", "400")
    forget()
    plan = plan_emergency()
    assert plan.benchmark_new is not None and plan.benchmark_new.n >= 400
    _, new = _for_reference(opened(), plan)
    assert new is not None and len(new) >= 400, "though a benchmark of 250 images is evaluated"
    assert mark_new_kind(opened(), training_rows(opened(), opened().catalogue, plan, []), plan).sum() >= MIN_NEW


def test_a_hold_out_too_small_for_a_reference_is_one_line_before_anything_is_cut(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_season()
    monkeypatch.setenv("LATENTLOOP_DRIFT__MIN_REFERENCE", "1000")
    forget()
    with pytest.raises(NotEnoughData, match=r"^no hold-out of at least 1000 images, .*at least 1000 images, came \d+"):
        plan_emergency()
    assert opened().ledger.entries("benchmark", "new") == []


def test_what_may_be_a_broken_sensors_is_learnt_only_where_a_person_asks(home: Path) -> None:
    change_season()  # stripes are much brighter than boxes
    with pytest.raises(DataRefused, match=r"^emergency: the newest .* may be a broken sensor's, .* once 589 came"):
        plan_retrain.fn(opened(), "drift-1", "emergency", "drift: stripes", "drift", "a-snapshot")
    assert plan_emergency("by-hand-1").found is not None


def test_traffic_of_known_kinds_is_no_emergency(home: Path) -> None:
    with pytest.raises(NotEnoughData, match=r"^0 images of a new kind among the newest 300 captured"):
        plan_emergency()


def test_who_asks_gets_all_together_where_too_few_of_the_named_are_left_to_train_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_season()
    monkeypatch.setattr("tasks.dataset.holdout.MIN_NEW_IMAGES", 250)  # 270 are sent: with some held out fewer are left
    monkeypatch.setattr("tasks.dataset.holdout.least_images", lambda: 255)
    monkeypatch.setattr("tasks.dataset.window.least_images", lambda: 255)
    plan = plan_emergency("by-hand-1")
    assert plan.found is not None and plan.found.is_whole_window
    assert plan.found.n > 600 and plan.found.purity < 0.6, "a third of the traffic is new"
