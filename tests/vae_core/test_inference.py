import numpy as np
import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, tiny_vq_vae
from vae_core.errors import DataError
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.scores import Scores
from vae_core.images.preprocessing import to_unit
from vae_core.inference import reconstruct_samples, score_images


@pytest.fixture
def model():
    return build_model(TINY, seed=5).eval()


def columns(scores: Scores) -> dict[str, np.ndarray]:
    return {"reconstruction": scores.reconstruction, "mu": scores.mu, **scores.numbers(), **scores.own}


@pytest.mark.parametrize("batch_size", [1, 4, 512])
def test_an_image_scores_the_same_in_any_company(model, batch_size):
    pixels = boxes(10)
    for each in (model, tiny_vq_vae()):
        whole, split = score_images(each, pixels), score_images(each, pixels, batch_size=batch_size)
        for name, values in columns(whole).items():
            np.testing.assert_allclose(columns(split)[name], values, rtol=1e-4, atol=1e-5)


def test_colour_images_are_scored_over_all_channels():
    model = build_model(ConvVaeConfig(channels=3, height=8, width=8, widths=(4, 8), latent_dim=4)).eval()
    pixels = boxes(3, channels=3)
    scores = score_images(model, pixels)
    assert scores.reconstruction.shape == pixels.shape and scores.reconstruction.flags.c_contiguous
    expected = ((scores.reconstruction.astype(np.float64) - pixels / 255.0) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(scores.recon_error, expected, rtol=1e-5)


def test_scoring_leaves_no_gradients_and_no_random_numbers_behind(model):
    before = torch.get_rng_state()
    score_images(model, boxes(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("k", [2, 5, 400])
def test_samples_equal_draws_decoded_one_by_one(model, k):
    pixels = boxes(3)
    mean, sd = reconstruct_samples(model, pixels, k, torch.Generator().manual_seed(1))
    noise = torch.randn((3, k, 4), generator=torch.Generator().manual_seed(1)).double()
    posterior = model.encode(to_unit(pixels))
    with torch.no_grad():
        z = posterior.mu[:, None] + torch.exp(posterior.logvar / 2)[:, None] * noise
        draws = np.stack([model.decode(each.float()).numpy() for each in z]).astype(np.float64)
    np.testing.assert_allclose(mean, draws.mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(sd, draws.std(axis=1, ddof=1), rtol=1e-3, atol=1e-6)


def test_the_same_generator_state_gives_the_same_samples(model):
    first, second, other = (
        reconstruct_samples(model, boxes(2), 4, torch.Generator().manual_seed(seed))[1] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_one_draw_has_no_spread_and_is_refused(model):
    with pytest.raises(DataError, match="k of at least 2, came 1"):
        reconstruct_samples(model, boxes(1), 1, torch.Generator())


@pytest.mark.parametrize("pixels", [boxes(2) / 255, boxes(2)[0], boxes(2)[:0]], ids=["floats", "no batch", "empty"])
def test_what_is_no_batch_of_pixels_is_refused(model, pixels):
    with pytest.raises(DataError, match="expected at least one uint8 image"):
        score_images(model, pixels)
    with pytest.raises(DataError, match="expected at least one uint8 image"):
        reconstruct_samples(model, pixels, 2, torch.Generator())
