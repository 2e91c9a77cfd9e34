"""The loss of held-out images, by hand."""

import math

import numpy as np
import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes
from vae_core.errors import DataError, DivergenceError
from vae_core.families.build import build_model
from vae_core.training.data.held_out import HeldOut


def test_it_is_the_evidence_lower_bound_by_hand():
    images, model = boxes(30), build_model(TINY)
    expected = []
    for seed in range(40):
        x = torch.from_numpy(images / 255.0)
        with torch.no_grad():
            mu, logvar = (each.double() for each in model.encode(x.float()))
            noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
            p = torch.sigmoid(model.decode_logits((mu + logvar.mul(0.5).exp() * noise).float())).double()
        nll = -(x * p.log() + (1 - x) * (1 - p).log()).sum((1, 2, 3))
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)
        expected.append(float((nll + kl).mean()))
    found = HeldOut(images, TINY.shape, seed=0, device="cpu").measure(model, 0)
    # one draw of the noise against forty: within four sd of a single one
    assert found == pytest.approx(np.mean(expected), abs=4 * np.std(expected, ddof=1))


def test_two_looks_at_the_same_weights_are_equal_and_leave_the_model_as_it_was():
    model = build_model(TINY).train()
    watch = HeldOut(boxes(20), TINY.shape, seed=3, device="cpu")
    assert watch.measure(model, 0) == watch.measure(model, 0)
    assert model.training and all(parameter.grad is None for parameter in model.parameters())
    assert watch.measure(model, 0) != HeldOut(boxes(20), TINY.shape, seed=4, device="cpu").measure(model, 0)


def test_images_that_do_not_fit_one_pass_are_all_counted():
    model, images = build_model(TINY), boxes(50)
    torch.nn.init.constant_(model.to_posterior.weight, 0)
    torch.nn.init.constant_(model.to_posterior.bias, -10)  # no spread, so the noise is none
    whole = HeldOut(images, TINY.shape, seed=0, device="cpu").measure(model, 0)
    parts = HeldOut(images, TINY.shape, seed=0, device="cpu", images_at_once=7).measure(model, 0)
    assert parts == pytest.approx(whole, rel=1e-3)


@pytest.mark.parametrize("images", [boxes(0), boxes(4) / 255, boxes(4, size=16)], ids=["none", "floats", "size"])
def test_unfit_images_are_refused_by_name(images):
    with pytest.raises(DataError, match="train: held_out: expected at least one uint8 image"):
        HeldOut(images, TINY.shape, seed=0, device="cpu")


def test_weights_that_answer_with_nan_are_a_divergence():
    model = build_model(TINY)
    torch.nn.init.constant_(model.to_posterior.bias, math.nan)
    with pytest.raises(DivergenceError, match="the loss of the held-out images is nan after step 70;") as raised:
        HeldOut(boxes(4), TINY.shape, seed=0, device="cpu").measure(model, 70)
    assert raised.value.step == 70 and raised.value.batch_indices == ()
