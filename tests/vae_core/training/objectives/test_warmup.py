"""The KL warm-up beside the budget, whichever units they are in."""

import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.errors import DataError
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.early_warning import early_warning_twin
from vae_core.training.health.events import EventKind
from vae_core.training.health.quick_benchmark import Bars
from vae_core.training.loop import train
from vae_core.training.objectives.warmup import fit_warmup, require_warmup, warmup_in_budget
from vae_core.training.recovery.fallback import fall_back_where_suspect
from vae_core.training.recovery.recovery import train_with_recovery


def ticking():
    """Every look at the clock is a hundredth of a second later."""
    now = iter(range(100_000))
    return lambda: next(now) / 100


def run(config, folder=None, clock=lambda: 0.0):
    return train(TrainingData(boxes(96)), TINY, config, Execution(clock, folder))


# what is left of a budget is put into a recipe without asking whether it is still valid
def in_steps(steps, amount, unit):
    return recipe(amount, unit).model_copy(update={"kl_warmup_unit": "steps", "kl_warmup_steps": steps})


def in_epochs(epochs, amount, unit):
    return recipe(amount, unit).model_copy(update={"kl_warmup_unit": "epochs", "kl_warmup_epochs": epochs})


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (
            in_steps(5000, 1, "epochs"),
            "train: expected a KL warm-up within the 6 steps of the budget of 1 epochs, came 5000 steps by "
            "kl_warmup_steps 5000, at 6 steps an epoch; lower kl_warmup_steps, or set kl_warmup_unit to share",
        ),
        (in_steps(7, 1, "epochs"), "within the 6 steps of the budget of 1 epochs, came 7 steps by kl_warmup_steps 7,"),
        (
            in_epochs(2.5, 14, "steps"),
            "within the 14 steps .* came 15 steps by kl_warmup_epochs 2.5, .*kl_warmup_epochs,",
        ),
    ],
)
def test_one_that_outlasts_the_training_is_refused_before_the_first_step(tmp_path, config, line):
    with pytest.raises(DataError, match=line):
        run(config, tmp_path / "c")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    "config",
    [
        in_steps(6, 1, "epochs"),
        in_steps(7, 1.1, "epochs"),  # 6.6 steps are 7 whole ones
        in_epochs(2.5, 15, "steps"),
        in_epochs(3, 3, "epochs"),
        in_steps(5000, 1, "seconds"),
        recipe(3, kl_warmup_share=1.0),
    ],
)
def test_one_that_ends_with_the_training_or_may_is_taken(config):
    require_warmup(config, 6)


def test_a_twin_is_not_trained_for_a_run_that_will_be_refused():
    with pytest.raises(DataError, match="within the 6 steps"):
        early_warning_twin(
            TrainingData(boxes(96)), TINY, in_steps(7, 1, "epochs"), Execution(lambda: 0.0), build=pytest.fail
        )


@pytest.mark.parametrize(
    ("config", "warmup"),
    [
        (recipe(40, "seconds", kl_warmup_share=0.25), 10),
        (in_steps(12, 5, "epochs"), 2),
        (in_epochs(2, 60, "steps"), 12),
        (in_epochs(2, 5, "epochs"), 2),
        (in_epochs(2, 5, "seconds"), None),
    ],
)
def test_it_is_told_in_the_unit_of_the_budget(config, warmup):
    assert warmup_in_budget(config, 6) == warmup


def test_what_is_left_of_a_budget_cuts_it_to_a_half():
    assert fit_warmup(in_steps(100, 51, "steps"), 6).kl_warmup_steps == 25
    assert fit_warmup(in_steps(100, 7, "epochs"), 6).kl_warmup_steps == 21
    assert fit_warmup(in_epochs(10, 30, "steps"), 6).kl_warmup_epochs == 2.5
    assert fit_warmup(in_epochs(10, 0.5, "epochs"), 6).kl_warmup_epochs == 0.25
    for same in (in_steps(100, 200, "steps"), in_steps(100, 1, "seconds"), recipe(kl_warmup_share=1.0)):
        assert fit_warmup(same, 6) == same
    for cut in (in_steps(100, 0.1, "epochs"), in_epochs(10, 1, "steps")):
        require_warmup(fit_warmup(cut, 6), 6)


def test_an_attempt_that_goes_on_with_little_left_warms_up_within_it(tmp_path):
    # 6 steps an epoch; the KL collapses once its weight has risen far enough, so that there is a checkpoint of before
    config = in_steps(250, 42, "epochs").model_copy(
        update={"beta": 20.0, "learning_rate": 3e-3, "free_bits_nats": 0.0, "checkpoint_every_steps": 10}
    )
    result = train_with_recovery(TrainingData(boxes(96)), TINY, config, Execution(lambda: 0.0, tmp_path))
    restart = next(event.recovery for event in result.events if event.kind == EventKind.restarted)
    changes = {each.field: (each.before, each.after) for each in restart.changes}
    assert restart.from_step > 0 and changes["beta"] == ("20", "1")
    assert changes["kl_warmup_steps"] == ("250", str((252 - restart.from_step) // 2))
    assert result.steps == 252 and result.final_beta == 1.0


def test_seconds_that_end_within_it_are_told_by_the_beta_of_the_last_step(tmp_path):
    config = in_steps(5000, 1, "seconds").model_copy(update={"snapshots": 2})
    result = run(config, tmp_path, ticking())
    assert 10 < result.steps < 5000 and result.final_beta == result.curve[-1].beta == (result.steps - 1) / 5000
    assert run(config, tmp_path, lambda: 0.0).final_beta == result.final_beta  # finished: nothing is trained again
    assert result.snapshots == ()
    torch.nn.init.zeros_(result.model.to_posterior.weight)
    *_, event = fall_back_where_suspect(result, boxes(40), Bars(1, 0.0)).events
    assert event.fallback.at_final_beta == 0 and f"no snapshot at beta {result.final_beta:g}" in event.detail


def test_the_beta_of_a_training_that_passed_it_is_the_recipes():
    assert run(recipe(30, beta=2.0)).final_beta == 2.0
