"""What is done about each trouble, as a table."""

import re

import pytest

from tests.vae_core.synthetic_images import TINY, recipe
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.training.health.events import CodesUnused, Collapse, CollapseSign, EventKind, RecoveryAction, TrainEvent
from vae_core.training.health.monitor import ADVICE
from vae_core.training.recovery.recovery_plan import find_trouble, plan_recovery

COLLAPSE = TrainEvent(EventKind.collapse_suspected, 300, "so", Collapse(CollapseSign.kl_below, 201, 0.001, 0.01))
SMALLEST = TINY.model_copy(update={"decoder_widths": (4, 4)})
CYCLES = {"kl_schedule": "cyclical", "kl_warmup_share": 0.5}


def unused(step: int, used: int = 40) -> TrainEvent:
    return TrainEvent(EventKind.codes_unused, step, "so", codes=CodesUnused(used, 512))


@pytest.mark.parametrize(
    ("model", "training", "warm_start", "action", "changes"),
    [
        (TINY, {"beta": 100}, False, "lower_beta", {"beta": 1.0}),
        (TINY, {"beta": 2, **CYCLES}, True, "lower_beta", {"beta": 1.0}),
        (TINY, {}, False, "cyclical_restart", {"kl_schedule": "cyclical", "kl_warmup_share": 0.5, "beta": 1.0}),
        (TINY, {"free_bits_nats": 0.0}, False, "cyclical_restart", {"free_bits_nats": 0.5}),
        (TINY, {"free_bits_nats": 2.0}, True, "cyclical_restart", {"free_bits_nats": 2.0}),
        (TINY, CYCLES, False, "smaller_decoder", {"beta": 1.0}),
        (TINY, CYCLES, True, "lower_beta", {"beta": 0.5}),
        (SMALLEST, CYCLES, False, "lower_beta", {"beta": 0.5}),
        (SMALLEST, {"beta": 0.15, **CYCLES}, False, "lower_beta", {"beta": 0.1}),
    ],
)
def test_what_is_done_against_a_collapse(model, training, warm_start, action, changes):
    asked = recipe(**training)
    plan = plan_recovery(COLLAPSE, model, asked, warm_start=warm_start)
    assert (plan.action, plan.cause, plan.onset_step) == (action, EventKind.collapse_suspected, 201)
    assert {name: getattr(plan.training, name) for name in changes} == changes
    assert plan.training.beta <= asked.beta and plan.training.budget == asked.budget
    assert plan.model == (model.smaller_decoder() if action == "smaller_decoder" else model)
    assert plan.model.latent_dim == model.latent_dim
    assert plan.keeps_model == (action != "smaller_decoder")


@pytest.mark.parametrize(
    ("training", "model"), [({"beta": 0.1, **CYCLES}, SMALLEST), ({"trains": "decoder", "beta": 100}, TINY)]
)
def test_where_nothing_is_left_the_training_is_not_given_up(training, model):
    assert plan_recovery(COLLAPSE, model, recipe(**training), warm_start=False) is None


def test_codes_that_stay_unused_shrink_the_codebook_of_a_training_from_scratch():
    model = VqVaeConfig(height=8, width=8, widths=(4, 8))
    plan = plan_recovery(unused(30), model, recipe(), warm_start=False)
    assert (plan.action, plan.onset_step, plan.keeps_model) == (RecoveryAction.smaller_codebook, None, False)
    assert plan.model == model.model_copy(update={"codebook_size": 64}) and plan.training == recipe()
    assert plan_recovery(unused(30), model, recipe(), warm_start=True) is None
    small = model.model_copy(update={"codebook_size": 32})
    assert plan_recovery(unused(30, used=30), small, recipe(), warm_start=False) is None


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([], None),
        ([unused(10), unused(20)], None),
        ([unused(10), unused(20), unused(40), unused(50)], None),
        ([unused(10), unused(30), unused(40, 60), unused(50)], 1),
        ([unused(10, 60), COLLAPSE], 1),
        ([TrainEvent(EventKind.resumed, 5, "so"), unused(10), unused(20), unused(30, 7)], 1),
    ],
)
def test_trouble_is_a_collapse_or_three_epochs_in_a_row_with_unused_codes(events, found):
    trouble = find_trouble(events, steps_per_epoch=10)
    assert (trouble is not None) == bool(found)
    if trouble and trouble.codes:
        assert trouble.codes.used == max(event.codes.used for event in events[-3:] if event.codes)


def test_a_decoder_is_halved_until_it_is_small():
    seen, config = [], ConvVaeConfig(widths=(32, 64))
    while config := config.smaller_decoder():
        seen.append(config.decoder_widths)
    assert seen == [(16, 32), (8, 16), (4, 8), (4, 4)]
    assert ConvVaeConfig(widths=(2, 3)).smaller_decoder() is None


def test_no_action_raises_beta_or_the_latent_size():
    words = " ".join([*RecoveryAction, ADVICE])
    assert not re.search(r"(raise|increase|higher|larger|more)[ _](beta|latent)", words)
