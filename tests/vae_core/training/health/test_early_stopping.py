import pytest
import torch

from tests.vae_core.synthetic_images import TINY
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.training.health.early_stopping import BestWeights, HeldOutPoint


def looks(values: list[float], min_delta: float = 0.0) -> BestWeights:
    best, model = BestWeights(), build_model(TINY)
    for step, value in enumerate(values):
        torch.nn.init.constant_(model.to_posterior.bias, step)
        best.take(HeldOutPoint(step, value), model, min_delta)
    return best


@pytest.mark.parametrize(
    ("values", "min_delta", "step", "since"),
    [
        ([9.0], 0.0, 0, 0),
        ([9.0, 8.0, 7.0], 0.0, 2, 0),
        ([9.0, 7.0, 8.0, 7.5], 0.0, 1, 2),
        ([9.0, 9.0, 9.0], 0.0, 0, 2),
        ([5.0, 6.0, 7.0], 0.0, 0, 2),
        ([9.0, 8.95, 8.91], 0.1, 0, 2),
        ([9.0, 8.95, 8.89, 8.85], 0.1, 2, 1),
    ],
)
def test_the_best_look_is_the_last_that_was_lower_by_more_than_the_smallest_that_matters(
    values, min_delta, step, since
):
    best = looks(values, min_delta)
    assert best.point == HeldOutPoint(step, values[step]) and best.looks_since == since
    assert torch.all(best.weights["to_posterior.bias"] == step)  # a copy: the model went on


def test_before_the_first_look_there_is_no_best():
    best = BestWeights()
    assert best.point is None and best.looks_since == 0 and best.to_tensors() == {}


@pytest.mark.parametrize("values", [[], [9.0, 7.25, 8.0]])
def test_it_survives_a_checkpoint(values):
    before, after = looks(values), BestWeights()
    after.restore_tensors(before.to_tensors(), build_model(TINY))
    assert after.curve == before.curve and after.point == before.point and after.looks_since == before.looks_since
    assert all(torch.equal(after.weights[name], tensor) for name, tensor in before.weights.items())


def test_best_weights_of_another_model_are_refused():
    other = build_model(ConvVaeConfig(height=8, width=8, widths=(4, 8), latent_dim=5))
    with pytest.raises(ValueError, match="expected"):
        BestWeights().restore_tensors(looks([9.0]).to_tensors(), other)
