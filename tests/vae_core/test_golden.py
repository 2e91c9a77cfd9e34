from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes
from vae_core.errors import ArtifactError
from vae_core.families.build import build_model
from vae_core.golden import Golden, check_golden, make_golden


@pytest.fixture
def model():
    return build_model(TINY).eval()


def test_the_model_that_gave_the_answers_gives_them_again(model):
    assert check_golden(make_golden(model, boxes(4)), model) == 0


def test_another_model_deviates(model):
    assert check_golden(make_golden(model, boxes(4)), build_model(TINY, seed=1).eval()) > 0.1


def test_the_deviation_is_relative_to_the_answer(model):
    golden = make_golden(model, boxes(4))
    error = golden.recon_error.copy()
    error[2] /= 1.25
    assert check_golden(replace(golden, recon_error=error), model) == pytest.approx(0.25, rel=1e-5)


def test_a_shift_of_the_code_counts_by_its_length(model):
    golden = make_golden(model, boxes(4))
    mu = golden.mu.copy()
    mu[0] *= 2
    assert check_golden(replace(golden, mu=mu), model) == pytest.approx(0.5, rel=1e-5)


def test_answers_that_are_not_finite_are_infinitely_far(model):
    golden = make_golden(model, boxes(4))
    with torch.no_grad():
        model.to_posterior.bias.fill_(torch.nan)
    assert check_golden(golden, model) == float("inf")


def test_codes_of_another_width_are_infinitely_far(model):
    golden = make_golden(build_model(TINY.model_copy(update={"latent_dim": 6})).eval(), boxes(2))
    assert check_golden(golden, model) == float("inf")


def test_golden_images_are_a_copy(model):
    pixels = boxes(2)
    golden = make_golden(model, pixels)
    pixels[:] = 0
    assert golden.pixels.any()


def test_golden_answers_survive_their_tensors(model):
    golden = make_golden(model, boxes(3))
    again = Golden.from_tensors(golden.to_tensors())
    assert all(np.array_equal(getattr(again, name), getattr(golden, name)) for name in golden.__slots__)


@pytest.mark.parametrize(
    "change",
    [
        {"mu": torch.zeros(2, 4)},
        {"pixels": torch.zeros(3, 1, 8, 8)},
        {"recon_error": torch.zeros(3, 1)},
        {"extra": torch.zeros(3)},
    ],
)
def test_tensors_that_are_no_golden_answers_are_refused(model, change):
    tensors = {**make_golden(model, boxes(3)).to_tensors(), **change}
    with pytest.raises(ArtifactError, match="golden: expected pixels"):
        Golden.from_tensors(tensors)
