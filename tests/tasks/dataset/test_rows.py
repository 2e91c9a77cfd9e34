"""Which rows a plan trains on: those of its policy or vouched for, and of no other run's hold-out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploy.stores.catalogue_rows import CatalogueRow
from deploy.stores.objects.captures import CaptureStore
from tasks.dataset.rows import count_below_policy, fix_rows, planned_rows, training_rows
from tasks.plan import plan_retrain, validate_plan
from tests.tasks.arrivals import CAPTURED_AT, arrive_suppliers
from tests.tasks.opened import forget, opened

pytestmark = pytest.mark.usefixtures("small_holdout")


def test_rows_that_todays_policy_would_refuse_are_left_out_and_counted_and_the_training_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrive_suppliers(sources=10, each=30)
    before = plan_retrain.fn(opened(), "one", "full", "first")
    table = opened().catalogue.read(["source", "variance"])
    trained_on = [row["variance"] for row in table.to_pylist() if row["source"] in before.sources]
    least = sorted(trained_on)[3]
    monkeypatch.setenv("LATENTLOOP_INPUT_POLICY__MIN_VARIANCE", repr(least))
    forget()

    plan = plan_retrain.fn(opened(), "two", "full", "second")
    validate_plan.fn(opened(), plan)

    assert (plan.below_policy, plan.n_training) == (3, before.n_training - 3)
    (line, *_) = opened().ledger.entries("data", "two")
    assert '"phase":"passed"' in line.body


def test_what_a_person_vouched_for_is_trained_on_against_the_policy() -> None:
    arrive_suppliers(sources=10, each=30)
    segment = CaptureStore(opened().objects).segments()[0]
    flat = CatalogueRow("f" * 64, "extra", segment, 9_999, CAPTURED_AT, "flat", 28, 28, 1, 0.5, 0.0, 0.0, b"\x80" * 784)
    catalogue = opened().catalogue
    catalogue.append_accepted([replace(flat, vouched="a white page")], [segment], {segment: 1})
    plan = plan_retrain.fn(opened(), "one", "full", "first").model_copy(update={"min_variance": 1e-4})
    assert plan.benchmark.sources and "extra" not in plan.benchmark.sources
    validate_plan.fn(opened(), plan)
    assert "f" * 64 in planned_rows(opened(), catalogue, plan, [])["digest"].to_pylist()
    assert count_below_policy(catalogue, plan) == 0


def test_images_that_another_run_held_out_after_the_plan_are_left_out_until_the_training_has_begun() -> None:
    arrive_suppliers(sources=10, each=40)
    catalogue = opened().catalogue
    plan = plan_retrain.fn(opened(), "one", "full", "first")
    before = training_rows(opened(), catalogue, plan, [])["digest"].to_pylist()
    index = opened().digests
    index.protect(before[:7], "benchmarks/new-of-another-run")

    validate_plan.fn(opened(), plan)
    assert training_rows(opened(), catalogue, plan, [])["digest"].to_pylist() == before[7:]
    assert fix_rows(opened(), catalogue, plan).digests == tuple(sorted(before[:7]))

    index.protect(before[7:9], "benchmarks/new-of-a-third-run")
    validate_plan.fn(opened(), plan)
    assert training_rows(opened(), catalogue, plan, [])["digest"].to_pylist() == before[7:], (
        "its checkpoints saw these rows"
    )
    assert fix_rows(opened(), catalogue, plan).digests == tuple(sorted(before[:7]))
