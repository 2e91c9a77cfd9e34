"""Where samples come from: the priors that a model has, and parts of their draws."""

import numpy as np
import pytest
import torch

from tests.vae_core.evaluation.coded_vae import code_prior, coded_vae
from tests.vae_core.linear_vae import LinearVae, PixelFeatures, draw_images
from vae_core.errors import DataError
from vae_core.evaluation.benchmark import evaluate
from vae_core.evaluation.images.sample_sources import SampleSource
from vae_core.evaluation.progress import EvaluationProgress
from vae_core.families.vq_vae.model import VqVae
from vae_core.priors.code_prior import CodePrior
from vae_core.priors.gaussian_mixture import GaussianMixturePrior, fit_mixture


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return draw_images(300)


@pytest.fixture(scope="module")
def model(pixels: np.ndarray) -> VqVae:
    return coded_vae(pixels)


@pytest.fixture(scope="module")
def prior() -> CodePrior:
    return code_prior()


@pytest.fixture
def mixture() -> GaussianMixturePrior:
    return fit_mixture(torch.randn((20, 4), generator=torch.Generator().manual_seed(0)), components=1)


def test_draws_from_a_prior_over_codes_are_counted_while_they_are_made(
    model: VqVae, pixels: np.ndarray, prior: CodePrior
) -> None:
    heard: list[EvaluationProgress] = []
    evaluate(model, pixels, extractor=PixelFeatures(), prior=prior, n_samples=300, on_progress=heard.append)
    drawn = [each.describe() for each in heard if "samples" in each.stage]
    stage = "samples from the prior over codes"
    assert drawn == [stage, *(f"{stage}: {done} of 300" for done in (64, 128, 192, 256)), stage]


def test_a_prior_of_the_other_kind_of_model_is_refused(
    model: VqVae, pixels: np.ndarray, prior: CodePrior, mixture: GaussianMixturePrior
) -> None:
    with pytest.raises(DataError, match="expected a prior over codes for a VqVae, came gaussian_mixture"):
        evaluate(model, pixels, extractor=PixelFeatures(), prior=mixture)
    with pytest.raises(DataError, match="expected a mixture for a LinearVae, came code_transformer"):
        evaluate(LinearVae(), pixels, extractor=PixelFeatures(), prior=prior)


def test_parts_of_the_draws_are_all_of_them_at_once(prior: CodePrior, mixture: GaussianMixturePrior) -> None:
    for source, sizes in (
        (SampleSource("standard", 4, None), [512, 88]),
        (SampleSource("mixture", 4, mixture), [512, 88]),
        (SampleSource("codes", 16, prior), [64] * 9 + [24]),
    ):
        parts = list(source.draw_chunks(600, seed=5))
        assert [len(part) for part in parts] == sizes
        assert torch.equal(torch.cat(parts), source.draw(600, torch.Generator().manual_seed(5)))


def test_without_a_prior_it_is_the_standard_normal_of_the_models_dimensions() -> None:
    z = SampleSource("standard", 3, None).draw(40_000, torch.Generator().manual_seed(0))
    # five standard errors of a mean, and of a variance
    assert z.shape == (40_000, 3) and float(z.mean(0).abs().max()) < 5 / 200
    assert float((z.var(0) - 1).abs().max()) < 5 * (2 / 40_000) ** 0.5
