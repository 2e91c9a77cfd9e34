"""The training benchmark: which figures it gives, what it says when it cannot, and that all contestants train alike."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import training
from benchmarks.bare_loop import bare_loss, bare_vq_loss
from benchmarks.peers.load import PeerMissing
from tests.benchmarks.idx_files import write_images
from tests.vae_core.synthetic_images import TINY, TINY_VQ, boxes, recipe, tiny_vq_vae
from vae_core.families.build import build_model
from vae_core.families.configs import ModelConfig
from vae_core.families.conv_vae.objective import VaeObjective
from vae_core.families.vq_vae.objective import VqVaeObjective
from vae_core.images.preprocessing import to_unit
from vae_core.training.data.batches import Batch
from vae_core.training.objectives.objective import LossWeights

SECONDS = {
    "pythae_vae": [4.0, 4.2, 4.4],
    "vae_fp32": [3.2, 3.3, 3.4],
    "bare_vae_fp32": [3.1, 3.2, 3.3],
    "vae_bf16": [2.0, 2.0, 2.0],
    "bare_vae_bf16": [1.9, 1.95, 2.0],
    "pythae_vq": [6.0, 6.2, 6.4],
    "vq_fp32": [4.0, 4.1, 4.2],
    "bare_vq_fp32": [3.9, 4.0, 4.1],
    "vq_bf16": [3.0, 3.1, 3.2],
    "bare_vq_bf16": [3.0, 3.1, 3.2],
}


def test_ratios_are_taken_round_by_round_and_judged_by_their_medians() -> None:
    found = {result.name: result for result in training.all_results(SECONDS, [3.0, 3.0, 3.0], steps=150, has_bf16=True)}
    assert found["vae_bf16_speed"].value == 150 * 128 / 2.0
    share = 3.0 / (18_720 * 1.95 / 150)
    assert found["inspections_vae"].value == pytest.approx(share)
    assert found["overhead_vae"].value == pytest.approx(2.0 / 1.95 + share) and found["overhead_vae"].passed
    assert found["overhead_vq"].value == 1 and found["overhead_vq"].limit == 1.05
    assert found["vq_vs_pythae"].value == pytest.approx(2.0) and found["vq_vs_pythae"].limit == 1.6
    assert found["vae_bf16_vs_fp32"].value == pytest.approx(1.65) and found["vae_bf16_vs_fp32"].passed
    assert found["vae_bf16_vs_pythae"].value == pytest.approx(2.1) and found["vae_bf16_vs_pythae"].limit == 1.9


def test_without_bf16_its_ratios_have_no_value_and_no_bar() -> None:
    seconds = {name: times for name, times in SECONDS.items() if "bf16" not in name}
    found = {result.name: result for result in training.all_results(seconds, [0.0] * 3, steps=150, has_bf16=False)}
    assert found["overhead_vae"].value == found["overhead_vae_fp32"].value == pytest.approx(3.3 / 3.2)
    assert found["vq_vs_pythae"].value == pytest.approx(6.2 / 4.1)
    for name in ("vae_bf16_vs_fp32", "vae_bf16_vs_pythae"):
        assert found[name].value is None and found[name].limit is None and found[name].passed


def test_the_bare_loop_descends_on_the_loss_that_the_trainer_descends_on() -> None:
    model, x = build_model(TINY), to_unit(boxes(16))
    bare = bare_loss(model, x, torch.Generator().manual_seed(0), "fp32")
    weights = LossWeights(beta=1.0, free_bits_nats=0.0, warming=False)
    ours = VaeObjective(model, recipe()).measure(Batch(x, x), torch.Generator().manual_seed(0), weights, "fp32").loss
    torch.testing.assert_close(bare, ours)


def test_the_bare_loop_of_codes_descends_on_the_loss_that_the_trainer_descends_on() -> None:
    model, x = tiny_vq_vae().train(), to_unit(boxes(16))
    output = model(x, torch.Generator())
    bare = bare_vq_loss(model, output.mean, output.quantised.commitment, x)
    weights = LossWeights(beta=1.0, free_bits_nats=0.0, warming=False)
    ours = VqVaeObjective(model, recipe()).measure(Batch(x, x), torch.Generator(), weights, "fp32").loss
    torch.testing.assert_close(bare, ours)


@pytest.mark.parametrize("config", [TINY, TINY_VQ], ids=["vae", "vq"])
def test_every_contestant_is_timed_over_its_steps(config: ModelConfig) -> None:
    images = np.random.default_rng(0).integers(0, 256, ((25 + 25) * 128, 1, 8, 8), dtype=np.uint8)
    assert training.time_ours(images, images[:20], config, "fp32", steps=25) > 0
    assert training.time_bare(images, config, "fp32", 128, warmup_steps=25, steps=25) > 0


def test_what_is_missing_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (([], "--data FOLDER is missing"), (["--data", str(tmp_path)], "no train-images")):
        assert training.main(arguments) == 2
        captured = capsys.readouterr()
        assert message in captured.err and len(captured.err.splitlines()) == 1 and captured.out == ""


def test_a_peer_that_is_missing_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_images(tmp_path, boxes(10), boxes(10))

    def missing(*_: object, **__: object) -> float:
        raise PeerMissing("the peer pythae.models cannot be imported: install it")

    assert training.main(["--data", str(tmp_path)], partial(training.run, time_peer=missing)) == 2
    assert capsys.readouterr().err == "training: the peer pythae.models cannot be imported: install it\n"
