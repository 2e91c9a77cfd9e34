"""The codebook benchmark trains every row alike, or says in one line what it lacks."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import vq
from benchmarks.peers.load import PeerMissing
from benchmarks.vq import Terms
from tests.benchmarks.idx_files import write_images
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.quantisers.quantised import Quantised
from vae_core.families.vq_vae.quantisers.vector import VectorQuantiser

CONFIG = VqVaeConfig(height=8, width=8, widths=(4, 8), codebook_size=32, code_dim=8)


class _OtherCodebook(torch.nn.Module):
    """Stands for a peer where none is installed: a codebook of ours, called as theirs is."""

    def __init__(self, config: VqVaeConfig, settings: dict) -> None:
        super().__init__()
        self.codes, self.settings = config.codes, settings
        self.inner = vq.build_model(config, 5).quantiser

    def quantise(self, z_e: torch.Tensor, generator: torch.Generator | None) -> Quantised:
        return self.inner.quantise(z_e, generator)

    def follow(self, z_e: torch.Tensor, indices: torch.Tensor, generator: torch.Generator) -> None:
        self.inner.follow(z_e, indices, generator)


def test_without_images_there_is_no_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (([], "--data FOLDER is missing"), (["--data", str(tmp_path)], "no train-images")):
        assert vq.main(arguments) == 2
        captured = capsys.readouterr()
        assert message in captured.err and len(captured.err.splitlines()) == 1 and captured.out == ""


def test_a_missing_peer_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(*_: object, **__: object) -> None:
        raise PeerMissing("the peer vector_quantize_pytorch cannot be imported")

    write_images(tmp_path, np.zeros((1, 1, 28, 28), np.uint8), np.zeros((1, 1, 28, 28), np.uint8))
    measure = partial(vq.run, terms=Terms(steps=1, peer=missing))
    assert vq.main(["--data", str(tmp_path)], measure) == 2
    assert capsys.readouterr().err == "vq: the peer vector_quantize_pytorch cannot be imported\n"


def test_every_row_begins_with_the_same_weights_and_sees_the_same_images() -> None:
    terms = Terms(config=CONFIG, peer=_OtherCodebook)
    ours, theirs = vq._begin(terms, 3, None), vq._begin(terms, 3, {})
    own, other = dict(ours.model.named_parameters()), dict(theirs.model.named_parameters())
    assert own.keys() == other.keys() and all(torch.equal(own[name], other[name]) for name in own)
    assert isinstance(ours.model.quantiser, VectorQuantiser)


def test_figures_are_judged_against_the_named_row_only() -> None:
    images = np.random.default_rng(0).integers(0, 255, (64, 1, 8, 8), dtype=np.uint8)
    terms = Terms(steps=4, batch=16, config=CONFIG, peer=_OtherCodebook)
    results = {result.name: result for result in vq.run(images, images[:40], seeds=2, terms=terms)}
    assert {name for name, result in results.items() if result.limit is not None} == {
        "vq_codes_used",
        "vq_mse_vs_peer",
        "vq_speed_vs_peer",
    }
    # the stand-in differs from ours by its generator's state only
    assert results["vq_mse_vs_peer"].value == pytest.approx(1, abs=0.5)
    assert 1 <= results["vq_codes_used"].value <= 32
    assert len(results["vq_speed_vs_peer"].spread) == 2
