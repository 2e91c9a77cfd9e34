"""Two processes train what one trains."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from tests.vae_core.training import ranked_training
from tests.vae_core.training.ranked_training import KINDS, train_part
from tests.vae_core.two_ranks import run_on_two
from vae_core.errors import DataError
from vae_core.ranks import ALONE, Ranks
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train

CLOSE = 2e-4
"""Largest difference of a weight after 12 steps: sums are rounded in another order, and Adam divides by their roots."""


def launch(folder: Path, kind: str, checkpoints: str = "") -> list[dict[str, torch.Tensor]]:
    """Train in two processes under torchrun; what each of them has at the end."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-addr=127.0.0.1"]
    command += ["--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "-m", ranked_training.__name__]
    done = subprocess.run(
        [*command, str(folder), kind, checkpoints], capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr
    return [load_file(folder / f"rank-{rank}.safetensors") for rank in (0, 1)]


def require_close(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        torch.testing.assert_close(values, theirs[name], rtol=1e-3, atol=CLOSE, msg=lambda text, name=name: name + text)


def test_two_processes_under_torchrun_train_what_one_trains_and_agree_bit_for_bit(tmp_path):
    first, second = launch(tmp_path / "out", "vq", str(tmp_path / "checkpoints"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    require_close(first, train_part("vq", ALONE, None))
    # one process wrote for both
    assert len(list((tmp_path / "checkpoints").glob("step-*"))) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_two_ranks_train_what_one_process_trains(kind):
    first, second = run_on_two(lambda ranks: train_part(kind, ranks, None))
    assert all(torch.equal(first[name], second[name]) for name in first)
    require_close(first, train_part(kind, ALONE, None))


def test_two_ranks_stop_together_when_held_out_images_say_so():
    def stop_early(ranks: Ranks) -> tuple[int, tuple]:
        plan = recipe(60, patience=2, validate_every_steps=1, min_delta_nats=5.0)
        result = train(
            TrainingData(boxes(64), held_out=boxes(10, seed=3)), TINY, plan, Execution(lambda: 0.0, ranks=ranks)
        )
        return result.steps, result.held_out_curve

    first, second = run_on_two(stop_early)
    assert first == second and first[0] < 60


def test_two_ranks_go_on_from_one_checkpoint_bit_for_bit(tmp_path):
    whole = run_on_two(lambda ranks: train_part("vq", ranks, tmp_path / "whole"))[0]
    # a folder whose newest checkpoint is that of step 8
    run_on_two(lambda ranks: train_part("vq", ranks, tmp_path / "parts"))
    newest = max((tmp_path / "parts").glob("step-*"))
    (newest / "tensors.safetensors").write_bytes(b"")
    first, second = run_on_two(lambda ranks: train_part("vq", ranks, tmp_path / "parts"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(first[name], whole[name]) for name in first)


def test_a_batch_that_cannot_be_cut_evenly_is_refused():
    three = Ranks(0, 3, lambda tensor: tensor)
    with pytest.raises(DataError, match="3 processes can share evenly, came 16"):
        train(TrainingData(boxes(32)), TINY, recipe(), Execution(lambda: 0.0, ranks=three))
