"""The plan of an emergency: made once through any kill, and no image is both trained on and measured on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from deploy.stores import faults
from tasks.dataset.images import benchmark_digests
from tasks.dataset.mixing import mark_new_kind
from tasks.dataset.rows import early_stopping_rows, fix_rows, in_window, planned_rows, training_rows
from tasks.errors import NotEnoughData
from tasks.evaluate import _for_reference
from tasks.plan import validate_plan
from tests.tasks.arrivals import ingest
from tests.tasks.opened import forget, opened
from tests.tasks.season import (
    MIN_NEW,
    SERVED_SINCE,
    capture_images,
    capture_traffic,
    change_season,
    known_images,
    new_images,
    plan_emergency,
    ship,
)

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


def test_a_plan_that_is_killed_at_any_write_ends_as_one_plan_with_one_benchmark(home: Path) -> None:
    """More traffic comes between the kills; what was selected before the first of them stands."""

    class Killed(BaseException):
        pass

    change_season()
    written = 0

    def kill_at(number: int) -> faults.Hook:
        def hook(name: str, moment: faults.Moment) -> None:
            nonlocal written
            written += 1
            if written == number:
                raise Killed(f"{name}:{moment}")

        return hook

    kills = 0
    while True:
        written = 0
        try:
            with faults.installed(kill_at(kills + 1)):
                plan = plan_emergency()
            break
        except Killed:
            kills += 1
            if kills == 8:
                change_season(day=2, known=300, new=100)
    assert kills >= 10, "the plan writes a selection, a benchmark, its protection, a ledger line and itself"
    assert plan == plan_emergency()
    assert len(opened().ledger.entries("benchmark", "new")) == 1
    assert len({key.split("/")[1] for key in opened().objects.keys("benchmarks/new-")}) == 1
    assert plan.benchmark_new is not None
    assert plan.held_back == (plan.benchmark.prefix, plan.benchmark_new.prefix)


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


def test_a_folder_whose_times_fall_inside_the_window_is_replayed_and_bounded_like_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae_core.training.data.mixing.MAX_OVERSAMPLING", 2.0)  # so that 1,500 images are too many
    capture_traffic(known=630, new=270, seed=1_000, day=1)
    ship("supplier-late", known_images(1_500, seed=77), SERVED_SINCE + timedelta(days=1, seconds=800))
    ingest()
    plan = plan_emergency()
    rows = training_rows(opened(), opened().catalogue, plan, [])
    inside, new = in_window(opened(), rows, plan), mark_new_kind(opened(), rows, plan)
    late = np.array([source == "supplier-late" for source in rows["source"].to_pylist()])
    assert late.any() and not (late & inside).any()
    assert 2.0 * new.sum() / len(rows) >= 0.2, "drawn twice each, a fifth of what is drawn is new"
