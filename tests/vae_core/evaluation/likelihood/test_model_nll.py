"""The likelihood of a model's images against a plain sum of weights in float64."""

import math

import numpy as np
import pytest
import torch

from tests.vae_core.linear_vae import LinearVae, draw_images
from vae_core.evaluation.likelihood.binarize import binarize
from vae_core.evaluation.likelihood.model_nll import bernoulli_nll_of, measure_nll
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig, LikelihoodName
from vae_core.families.conv_vae.model import ConvVae
from vae_core.images.preprocessing import to_unit


@pytest.mark.parametrize("likelihood", ["gaussian", "logistic"])
@torch.inference_mode()
def test_grey_images_are_explained_by_the_likelihood_of_the_model(likelihood: LikelihoodName) -> None:
    model = build_model(ConvVaeConfig(height=4, width=4, widths=(4,), latent_dim=2, likelihood=likelihood)).eval()
    assert isinstance(model, ConvVae)
    pixels = draw_images(6)
    x, k = to_unit(pixels), 4000
    mu, logvar = (each[:, None].double() for each in model.encode(x))
    noise = torch.randn((6, k, 2), generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    z = mu + torch.exp(0.5 * logvar) * noise
    repeated = x[:, None].expand(-1, k, -1, -1, -1).flatten(0, 1)
    log_px = -model.nll(model.decode_logits(z.flatten(0, 1).float()), repeated).double().view(6, k)
    log_ratio = 0.5 * (noise.square() + logvar - z.square()).sum(2)
    expected = -(torch.logsumexp(log_px + log_ratio, 1) - math.log(k)).mean()
    found = measure_nll(model, pixels, k=k, seed=0)
    # both are draws of the same bound
    assert found.nll.mean == pytest.approx(float(expected), abs=5 * math.sqrt(2) * found.draws_standard_error + 1e-4)
    assert (found.k, found.n) == (k, 6)


def test_a_bernoulli_sees_grey_images_and_explains_their_binarization() -> None:
    model, pixels = LinearVae(), draw_images(8)
    expected = bernoulli_nll_of(
        model,
        binarize(pixels, np.random.default_rng(4)),
        k=20,
        generator=torch.Generator().manual_seed(4),
        seen=pixels,
    )
    assert measure_nll(model, pixels, k=20, seed=4) == expected
