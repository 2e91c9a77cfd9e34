"""What a model makes of every image of a set, chunk after chunk."""

import math

import numpy as np
import pytest

from tests.vae_core.linear_vae import SIGMA, LinearVae, PixelFeatures, draw_images
from vae_core.errors import DivergenceError
from vae_core.evaluation.benchmark import evaluate
from vae_core.evaluation.images.image_scores import measure_images


def test_a_model_that_answers_nan_is_named_not_measured(wide_pixels: np.ndarray) -> None:
    with pytest.raises(DivergenceError, match="answers image 0 with NaN"):
        evaluate(LinearVae((math.nan, 1.0)), wide_pixels, extractor=PixelFeatures(), prior=None)


def test_chunks_are_joined_in_the_order_of_the_images() -> None:
    pixels, heard = draw_images(600), list[int]()
    found = measure_images(LinearVae(), pixels, PixelFeatures(), seed=0, on_progress=heard.append)
    unit = pixels.reshape(600, -1) / 255
    # two pixels come back, the others are answered with 0.5
    np.testing.assert_allclose(found.recon_error, np.square(unit[:, 2:] - 0.5).sum(1) / 16, rtol=1e-4)
    np.testing.assert_allclose(found.features[:, :2], unit[:, :2], atol=0.51 / 255)
    assert set(found.own) == {"neg_elbo", "mu", "logvar"}
    np.testing.assert_allclose(found.column("mu")[:, :2], 4 * (unit[:, :2] - 0.5), atol=1e-6)
    np.testing.assert_allclose(found.column("logvar"), 2 * math.log(SIGMA), rtol=1e-6)
    assert heard == [512, 600]


def test_one_stream_of_noise_runs_through_all_chunks() -> None:
    pixels = np.repeat(draw_images(1), 1024, axis=0)
    whole, same, other = (
        measure_images(LinearVae(), pixels, PixelFeatures(), seed=seed).column("neg_elbo") for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(whole, same)
    assert not np.array_equal(whole, other)
    assert not np.array_equal(whole[:512], whole[512:]), "the second chunk does not repeat the first one's noise"


def test_the_first_image_that_is_answered_with_nan_is_counted_over_the_whole_set() -> None:
    class Spoilt(LinearVae):
        def decode(self, z):
            return super().decode(z) / (z[:, :1, None, None] <= 10)  # far beyond what noise could do

    pixels = draw_images(600)
    pixels[:, 0, 0, 0] = 128
    pixels[[530, 590], 0, 0, 0] = 255
    with pytest.raises(DivergenceError, match=r"answers image 530 with NaN or infinity \(2 of 88 in this chunk\)"):
        measure_images(Spoilt((40.0, 4.0, 0.0)), pixels, PixelFeatures(), seed=0)
