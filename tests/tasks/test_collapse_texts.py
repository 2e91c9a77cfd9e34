"""What a person reads of a training that collapsed: no line advises a higher beta or a larger latent space."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from data_checks.verdict import Phase, Verdict
from deploy.delivery.gate import Change, Standing, judge_candidate, judge_first_version
from deploy.delivery.policy import GatePolicy
from tasks.card.model_card import write_model_card
from tasks.card.training import tell_training
from tasks.run.curve import say_training
from tasks.values import Trained, TrainingEvent
from tests.tasks.card.test_model_card import PLAN, RESULT, TRAINED
from tests.tasks.card.test_traversal_rows import TRAVERSALS
from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.families.conv_vae.model import ConvVae
from vae_core.families.units import UsedUnits
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.quick_benchmark import Bars
from vae_core.training.recovery.fallback import fall_back_where_suspect
from vae_core.training.recovery.recovery import train_with_recovery
from vae_core.training.result import TrainResult

MORE = r"(rais\w+|increas\w+|high\w*|larg\w+|bigg\w+|great\w+|more|wid\w+|strong\w+)"
OF_WHAT = r"(beta|β|KL weight|weight of the KL|latent|units|dimensions|code)"
HARMFUL = re.compile(rf"\b{MORE} (the |a |your |its )?{OF_WHAT}\b", re.IGNORECASE)

POLICY = GatePolicy()
NONE_ACTIVE = UsedUnits("active_units", 0, TINY.latent_dim)
COLLAPSED = RESULT.model_copy(
    update={
        "explained_variance": 0.01,
        "kl": 0.0,
        "active_units": 0,
        "inactive_dims": (0, 1),
        "kl_per_dim": (0.0, 0.0),
        "mu_variance_per_dim": (0.0, 0.0),
        "traversals": TRAVERSALS.model_copy(update={"units": 0, "least_moved": None, "largest_step": None}),
    }
)


@pytest.fixture(scope="module")
def result() -> TrainResult:
    """All that can be said of it: a twin at risk, a collapse in every attempt, the restarts, nothing to fall back to.

    One image again and again has nothing to be encoded.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    same = np.full((64, 1, 8, 8), 77, np.uint8)
    asked = recipe(110, beta=4, learning_rate=1e-2, free_bits_nats=0.0, twin_share=0.1, snapshots=1)
    result = train_with_recovery(TrainingData(same), TINY, asked, Execution(lambda: 0.0))
    torch.set_num_threads(threads)
    return fall_back_where_suspect(result, boxes(40), Bars(4, 0.5))


@pytest.fixture(scope="module")
def trained(result: TrainResult) -> Trained:
    """The same as the tasks keep it."""
    return TRAINED.model_copy(update={"events": tuple(map(TrainingEvent.of, result.events))})


def _verdicts() -> list[Verdict]:
    worse = Change(metric="recon_error", benchmark="old", value=0.5, low=0.4, high=0.6, n=1_000)
    healthy = UsedUnits("active_units", 4, TINY.latent_dim)
    return [
        judge_first_version(Standing(0.01, NONE_ACTIVE, 80.0), POLICY),
        judge_candidate([worse], tier="full", units=NONE_ACTIVE, champion_units=healthy, policy=POLICY),
    ]


def test_the_training_tells_everything_that_a_collapse_can_bring(result: TrainResult) -> None:
    kinds = {str(event.kind) for event in result.events}
    assert kinds == {"architecture_at_risk", "collapse_suspected", "restarted", "weights_kept"}
    actions = {event.recovery.action.value for event in result.events if event.recovery}
    assert actions == {"lower_beta", "cyclical_restart"} and isinstance(result.model, ConvVae)


def test_no_line_of_the_card_or_the_gate_advises_what_makes_a_collapse_worse(
    result: TrainResult, trained: Trained
) -> None:
    verdicts = _verdicts()
    assert [each.phase for each in verdicts] == [Phase.failed, Phase.failed]
    assert all("active_units 0 < limit" in each.reason for each in verdicts)
    cards = [write_model_card(PLAN, trained, COLLAPSED, each, "run1", ()) for each in verdicts]
    lines = [*tell_training(trained), *(each.reason for each in verdicts), *map(say_training, result.curve)]
    for text in (*cards, *lines):
        assert not HARMFUL.search(text), HARMFUL.search(text)
    assert all("lower beta" in card and "`weights_kept`" in card for card in cards)


def test_what_the_attempts_change_lowers_beta_and_leaves_the_latent_space(trained: Trained) -> None:
    card = write_model_card(PLAN, trained, COLLAPSED, _verdicts()[0], "run1", ())
    betas = [(float(before), float(after)) for before, after in re.findall(r"\bbeta ([\d.]+) to ([\d.]+)", card)]
    assert betas and all(after < before for before, after in betas)
    assert "latent_dim" not in card


@pytest.mark.parametrize(
    "advice",
    ["raise beta", "Increase the KL weight", "use a larger latent space", "try more latent dimensions", "a higher β"],
)
def test_such_advice_would_be_found(advice: str) -> None:
    assert HARMFUL.search(f"0 of 4 units active: {advice}, then train again")
