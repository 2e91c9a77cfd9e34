"""The baseline benchmark trains every kind alike and draws from the codes that its decoder was trained on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import baseline
from tests.vae_core.synthetic_images import TINY, boxes
from vae_core.families.build import build_model
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.inference import score_images


class _Pixels:
    """8 x 8 pixels on [0, 1], some grain added: pixels of boxes are too alike for a covariance."""

    name, dim, digest = "pixels", 64, hashlib.sha256(b"8x8").hexdigest()

    def extract(self, pixels: np.ndarray) -> np.ndarray:
        grain = np.random.default_rng(0).normal(size=(len(pixels), 64)) / 50
        features: np.ndarray = (pixels.reshape(len(pixels), 64) / 255 + grain).astype(np.float32)
        return features


def test_without_real_images_there_is_no_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (([], "--data FOLDER is missing"), (["--data", str(tmp_path)], "no train-images")):
        assert baseline.main(arguments) == 2
        captured = capsys.readouterr()
        assert message in captured.err and len(captured.err.splitlines()) == 1
        assert captured.out == ""


def test_a_short_run_has_every_figure_of_every_kind_and_no_bar() -> None:
    results = baseline.run(boxes(300), boxes(200, seed=1), _Pixels(), baseline.Plan(train_cpu_s=0.4, n=200), TINY)
    found = {result.name: result.value for result in results}
    assert all(result.limit is None for result in results) and len(found) == len(results) == 4 * 7 + 3 * 2
    for kind in ("ae", "ae_penalised", "vae", "sigma_vae"):
        assert found[f"{kind}_steps"] >= 1
        ratio = found[f"{kind}_fd_samples"] / found[f"{kind}_fd_reconstructions"]
        assert found[f"{kind}_fd_samples_over_reconstructions"] == pytest.approx(ratio)
    error = found["ae_recon_error"] / found["vae_recon_error"]
    assert found["ae_recon_error_over_vae"] == pytest.approx(error)


def test_all_kinds_have_one_network_and_the_defaults_train_as_long_as_the_default_model() -> None:
    rows = baseline.rows_of(TINY)
    networks = [each.network if isinstance(each, ConvAeConfig) else each for each in rows.values()]
    assert all(each.model_copy(update={"likelihood": "bernoulli"}) == TINY for each in networks)
    assert [name for name, each in rows.items() if isinstance(each, ConvAeConfig) and each.code_penalty] == [
        "ae_penalised"
    ]
    assert (baseline.STANDARD.train_cpu_s, baseline.STANDARD.n) == (120, 10_000)


def test_codes_of_an_autoencoder_are_its_own_and_of_a_vae_draws() -> None:
    pixels = boxes(30)
    ae, vae = build_model(ConvAeConfig(network=TINY)).eval(), build_model(TINY).eval()
    own, drawn = (baseline.draw_codes(model, pixels) for model in (ae, vae))
    assert torch.equal(own, torch.from_numpy(score_images(ae, pixels).mu))
    scores = score_images(vae, pixels)
    sd = torch.exp(0.5 * torch.from_numpy(scores.column("logvar")))
    noise = (drawn - torch.from_numpy(scores.mu)) / sd
    # 120 draws of N(0, 1): five standard errors of mean and of variance
    assert abs(noise.mean()) < 5 / 120**0.5 and abs(noise.var() - 1) < 5 * (2 / 120) ** 0.5
