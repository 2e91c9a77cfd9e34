"""The likelihood benchmark measures real images after a real training, or says that it cannot."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import likelihood
from tests.vae_core.synthetic_images import boxes
from vae_core.evaluation.likelihood.binarize import binarize
from vae_core.families.conv_vae.protocol import Posterior


def test_without_real_images_there_is_no_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        ([], "--data FOLDER is missing"),
        (["--data", str(tmp_path)], "no train-images"),
    ):
        assert likelihood.main(arguments) == 2
        captured = capsys.readouterr()
        assert message in captured.err
        assert len(captured.err.splitlines()) == 1
        assert captured.out == ""


def test_a_short_training_already_models_the_images_better_than_their_mean() -> None:
    images, test_images = boxes(400, size=28), boxes(60, size=28, seed=1)
    plan = likelihood.Plan("300s", 3.0, drawings=2, k=20, nll_images=30, setup_s=0.1)
    found = {result.name: result for result in likelihood.run(images, test_images, plan)}
    shares = (images / 255).mean(0).clip(0.01, 0.99)
    binary = binarize(test_images, np.random.default_rng([likelihood.SEED, 1])) / 255
    of_mean = -(binary * np.log(shares) + (1 - binary) * np.log1p(-shares)).sum((1, 2, 3)).mean()
    neg_elbo, nll = found["neg_elbo_300s"].value, found["nll_300s"].value
    assert neg_elbo is not None and nll is not None and max(neg_elbo, nll) < of_mean
    assert (found["neg_elbo_300s"].n, found["nll_300s"].n, found["neg_elbo_300s"].limit) == (60, 30, None)


def test_only_the_standard_run_has_bars() -> None:
    assert (likelihood.STANDARD.neg_elbo_limit, likelihood.STANDARD.nll_limit) == (236.0, 233.5)
    assert (likelihood.STANDARD.cpu_s, likelihood.STANDARD.k, likelihood.STANDARD.nll_images) == (300, 100, 1_000)
    for plan in (likelihood.QUICK, likelihood.LONG):
        assert plan.neg_elbo_limit is None and plan.nll_limit is None


def test_neg_elbo_of_a_model_that_knows_nothing_is_that_of_coins() -> None:
    class Coins:
        latent_dim = 3

        def encode(self, x: torch.Tensor) -> Posterior:
            return Posterior(torch.zeros(len(x), 3), torch.zeros(len(x), 3))

        def decode_logits(self, z: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(z), 1, 8, 8)

        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(self.decode_logits(z))

    neg_elbo, kl = likelihood.measure_neg_elbo(Coins(), binarize(boxes(700), np.random.default_rng(0)))
    assert neg_elbo.mean == pytest.approx(64 * np.log(2), rel=1e-6) and kl.mean == 0 and neg_elbo.n == 700
