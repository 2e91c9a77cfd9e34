"""The samples benchmark measures real images after a real training, or says that it cannot."""

import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest

from benchmarks import samples
from tests.vae_core.synthetic_images import boxes
from vae_core.families.vq_vae.config import VqVaeConfig


class _Pixels:
    """8 x 8 pixels on [0, 1], some grain added: pixels of boxes are too alike for a covariance."""

    name, dim, digest = "pixels", 64, hashlib.sha256(b"8x8").hexdigest()

    def extract(self, pixels: np.ndarray) -> np.ndarray:
        grain = np.random.default_rng(0).normal(size=(len(pixels), 64)) / 50
        features: np.ndarray = (pixels.reshape(len(pixels), 64) / 255 + grain).astype(np.float32)
        return features


def test_without_real_images_there_is_no_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (([], "--data FOLDER is missing"), (["--data", str(tmp_path)], "no train-images")):
        assert samples.main(arguments) == 2
        captured = capsys.readouterr()
        assert message in captured.err and len(captured.err.splitlines()) == 1
        assert captured.out == ""


def test_a_short_run_has_every_figure_and_the_prior_beats_independent_codes() -> None:
    # a second is on whenever the clock is read, about twice a step: the same few steps on every machine
    ticks = itertools.count()
    config = VqVaeConfig(height=8, width=8, widths=(8, 16), codebook_size=32, code_dim=8)
    plan = samples.Plan(train_cpu_s=600, prior_cpu_s=400, n=200)
    results = samples.run(
        boxes(600), boxes(200, seed=1), _Pixels(), plan, config, prior_width=32, clock=lambda: float(next(ticks))
    )
    found = {result.name: result for result in results}
    ratio, drawn = found["fd_samples_over_reconstructions"], found["fd_samples"].value
    base, independent = found["fd_reconstructions"].value, found["fd_independent_codes"].value
    assert ratio.value is not None and drawn is not None and base is not None and independent is not None
    assert ratio.value == pytest.approx(drawn / base) and ratio.limit is None and ratio.n == 200
    assert drawn < independent, "a box is in one corner or another, which codes drawn apart do not know"
    nll, apart = found["prior_nll"].value, found["independent_nll"].value
    assert nll is not None and apart is not None and nll < apart
    assert found["codes_used"].direction == "higher" and found["recon_error"].n == 200


def test_only_the_standard_run_has_the_bar() -> None:
    standard = samples.STANDARD
    assert (standard.limit, standard.n, standard.train_cpu_s, standard.prior_cpu_s) == (2.0, 10_000, 120, 300)
    assert samples.QUICK.limit is None


def test_independent_draws_keep_each_positions_frequencies_and_lose_their_company() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat(rng.integers(0, 3, size=(400, 1, 1)), 2, axis=1).astype(np.int32)  # both positions always agree
    drawn = samples.draw_independently(codes, 6000, np.random.default_rng(1))
    assert drawn.shape == (6000, 2, 1) and drawn.dtype == np.int64
    shares = np.bincount(codes[:, 0, 0], minlength=3) / 400
    for position in range(2):
        # a share of 6,000 is known to 0.6 %: three of those
        np.testing.assert_allclose(np.bincount(drawn[:, position, 0], minlength=3) / 6000, shares, atol=0.02)
    assert np.mean(drawn[:, 0] == drawn[:, 1]) == pytest.approx(np.square(shares).sum(), abs=0.02)
