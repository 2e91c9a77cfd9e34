"""A short twin that warns of an architecture at risk."""

import numpy as np
import pytest

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from tests.vae_core.training.options import train_by
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.early_warning import early_warning_twin, twin_recipe
from vae_core.training.health.events import EventKind
from vae_core.training.recovery.recovery import train_with_recovery

SAME = np.full((64, 1, 8, 8), 77, np.uint8)
COLLAPSING = recipe(1000, beta=4, learning_rate=1e-2, free_bits_nats=0.0)


def warn(images, config, model=TINY, **options):
    return train_by(early_warning_twin, images, model, config, **options)


@pytest.mark.parametrize(
    ("config", "amount", "warmup"),
    [
        (recipe(100_000), 10_000, 2500),  # a quarter of a tenth of the steps
        (recipe(1000), 225, 25),  # 200 steps beside its warm-up
        (recipe(150), 150, 3.75),  # never more than the main run
        (recipe(100, "epochs"), 22.5, 2.5),  # likewise, at 10 steps an epoch
        (recipe(600, "seconds", kl_warmup_share=0.8), 240, 120),  # twice its warm-up
        (recipe(600, "seconds"), 60, 15),
        (recipe(10_000, kl_warmup_unit="steps", kl_warmup_steps=4000), 2000, 1000),
        (recipe(10_000, kl_warmup_unit="epochs", kl_warmup_epochs=40), 1000, 100),
        (recipe(300, "epochs", kl_warmup_unit="steps", kl_warmup_steps=400), 30, 10),
    ],
)
def test_the_twin_has_a_quarter_of_the_warm_up_and_a_small_share_of_the_budget(config, amount, warmup):
    twin = twin_recipe(config, 0.1, steps_per_epoch=10)
    assert twin.budget.amount == pytest.approx(amount) and twin.budget.unit == config.budget.unit
    assert twin.kl_warmup_unit == "share" and twin.kl_warmup_share * twin.budget.amount == pytest.approx(warmup)
    assert (twin.beta, twin.seed, twin.batch_size) == (config.beta, config.seed, config.batch_size)


def test_a_warm_up_in_steps_within_seconds_is_a_quarter_in_steps():
    config = recipe(600, "seconds", kl_warmup_unit="steps", kl_warmup_steps=1000)
    twin = twin_recipe(config, 0.1, 10)
    assert (twin.kl_warmup_unit, twin.kl_warmup_steps, twin.budget.amount) == ("steps", 250, 60)


def test_a_twin_that_collapses_puts_the_architecture_at_risk():
    event = warn(SAME, COLLAPSING)
    assert event.kind == EventKind.architecture_at_risk and event.step == 0
    assert event.collapse.onset_step > 0 and "a quarter of the KL warm-up collapsed at step" in event.detail
    assert "this run was trained as asked" in event.detail


def test_a_healthy_twin_says_nothing():
    assert warn(boxes(100), recipe(1000)) is None


def test_what_has_no_moving_kl_has_no_twin():
    assert warn(boxes(40), recipe(20), VqVaeConfig(height=8, width=8, widths=(4, 8)), build=pytest.fail) is None
    assert warn(boxes(40), recipe(20, trains="decoder"), build=pytest.fail) is None


def test_the_warning_is_the_first_event_of_the_run_and_changes_none_of_its_others(tmp_path):
    def run(name, **changes):
        config = recipe(110, beta=4, learning_rate=1e-2, free_bits_nats=0.0, **changes)
        return train_with_recovery(TrainingData(SAME), TINY, config, Execution(lambda: 0.0, tmp_path / name))

    plain, warned, again = run("plain"), run("warned", twin_share=0.1), run("warned", twin_share=0.1)
    assert warned.events[0].kind == EventKind.architecture_at_risk
    assert warned.events[1:] == plain.events and warned.attempts == plain.attempts
    assert again.events[0] == warned.events[0] and again.resumed_from_step == 110
    assert (tmp_path / "warned" / "twin").is_dir() and not (tmp_path / "plain" / "twin").exists()


def test_its_steps_are_told_apart_from_those_of_the_run():
    told, of_twin = [], []
    config = recipe(60, twin_share=0.1)
    train_with_recovery(
        TrainingData(boxes(100)),
        TINY,
        config,
        Execution(lambda: 0.0, on_progress=told.append),
        on_twin_progress=lambda point: of_twin.append((point.step, len(told))),
    )
    assert of_twin == [(20, 0), (40, 0), (60, 0)] and [point.step for point in told] == [20, 40, 60]
