"""A plan is made once, of a catalogue that is fit to train on and is today's; what it needs is said in one line."""

from __future__ import annotations

import pytest

from deploy.stores.catalogue_rows import CatalogueRow
from deploy.stores.objects.captures import CaptureStore
from tasks.errors import DataRefused, NotEnoughData, PlanOutdated
from tasks.plan import plan_retrain, validate_plan
from tasks.run.steps import finish_step
from tests.tasks.arrivals import CAPTURED_AT, SMALL_HOLDOUT, arrive_suppliers
from tests.tasks.conftest import Configure
from tests.tasks.dataset.test_benchmarks import RESIZED
from tests.tasks.opened import opened

pytestmark = pytest.mark.usefixtures("small_holdout")


def test_a_plan_that_was_made_is_not_made_again() -> None:
    arrive_suppliers(sources=10, each=30)
    first = plan_retrain.fn(opened(), "one", "full", "first")
    arrive_suppliers(sources=1, each=30, first_seed=1_000)
    assert plan_retrain.fn(opened(), "one", "full", "first") == first


def test_an_empty_catalogue_says_what_to_run() -> None:
    with pytest.raises(NotEnoughData, match=r"^the catalogue is empty: .*latentloop ingest FOLDER"):
        plan_retrain.fn(opened(), "one", "full", "first")


@pytest.mark.parametrize("named", [True, False], ids=["changed since", "made by 0.1.0"])
def test_a_plan_on_the_catalogue_of_another_preprocessing_ends_and_never_reads_todays(
    configure: Configure, named: bool
) -> None:
    arrive_suppliers(sources=10, each=30)
    plan = plan_retrain.fn(opened(), "one", "full", "first")
    key = "one"
    if named:
        configure(SMALL_HOLDOUT + RESIZED)
    else:
        key = "old"
        finish_step(opened().objects, key, "plan", plan.model_copy(update={"catalogue": "", "key": key}))
    with pytest.raises(PlanOutdated, match=r"^\w+ was planned on catalogue .*the next one begins anew") as caught:
        plan_retrain.fn(opened(), key, "full", "first")
    assert caught.value.final and "\n" not in str(caught.value)


def test_rows_that_are_not_fit_to_train_on_are_named_with_what_is_wrong_with_them() -> None:
    arrive_suppliers(sources=10, each=30)
    segment, catalogue = CaptureStore(opened().objects).segments()[0], opened().catalogue
    bright = CatalogueRow("f" * 64, "extra", segment, 9_999, CAPTURED_AT, "x", 28, 28, 1, 1.5, 0.1, 2.0, b"\x80" * 784)
    catalogue.append_accepted([bright], [segment], {segment: 1})
    plan = plan_retrain.fn(opened(), "one", "full", "first")
    said = (
        rf"^catalogue version {plan.catalogue_version} is not fit to train on: 1 of {plan.n_training} rows fail "
        r"expect_column_values_to_be_between: mean: expected min_value=0\.0, max_value=1\.0, came 1\.5$"
    )
    with pytest.raises(DataRefused, match=said):
        validate_plan.fn(opened(), plan)


def test_an_image_of_the_plans_own_benchmark_among_its_rows_is_refused() -> None:
    arrive_suppliers(sources=10, each=30)
    plan = plan_retrain.fn(opened(), "one", "full", "first")
    leaking = plan.model_copy(update={"sources": (*plan.sources, *plan.benchmark.sources), "held_back": ()})
    with pytest.raises(DataRefused, match=rf"^{plan.benchmark.n} training images belong to a benchmark of this plan"):
        validate_plan.fn(opened(), leaking)
