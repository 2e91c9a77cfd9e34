"""What a VAE says of images, by its definitions."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from tests.vae_core.synthetic_images import TINY, boxes
from vae_core.families.build import build_model
from vae_core.images.preprocessing import to_unit
from vae_core.inference import score_images


@pytest.fixture
def model():
    return build_model(TINY, seed=5).eval()


def test_scores_equal_their_definitions_in_float64(model):
    pixels = boxes(7)
    scores = score_images(model, pixels)
    posterior = model.encode(to_unit(pixels))
    mu, logvar = posterior.mu.detach().double(), posterior.logvar.detach().double()
    np.testing.assert_allclose(scores.mu, mu, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scores.column("logvar"), logvar, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scores.reconstruction, model.decode(posterior.mu).detach(), rtol=1e-5)
    squared = (scores.reconstruction.astype(np.float64) - pixels / 255.0) ** 2
    np.testing.assert_allclose(scores.recon_error, squared.mean(axis=(1, 2, 3)), rtol=1e-5)
    kl = kl_divergence(Normal(mu, torch.exp(logvar / 2)), Normal(0.0, 1.0)).sum(1)
    np.testing.assert_allclose(scores.column("kl"), kl, rtol=1e-4)
    np.testing.assert_allclose(scores.norm, np.sqrt((mu.numpy() ** 2).sum(1)), rtol=1e-5)


def test_scores_are_float32_arrays_of_the_promised_shapes(model):
    scores = score_images(model, boxes(3))
    found = {"reconstruction": scores.reconstruction, "mu": scores.mu, **scores.numbers(), **scores.own}
    assert {name: each.shape for name, each in found.items()} == {
        "reconstruction": (3, 1, 8, 8),
        "mu": (3, 4),
        "logvar": (3, 4),
        "recon_error": (3,),
        "kl": (3,),
        "norm": (3,),
    }
    assert {each.dtype for each in found.values()} == {np.dtype(np.float32)}
