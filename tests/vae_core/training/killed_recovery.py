"""A training that collapses and recovers in a process of its own, to be killed: tells each step, one a line."""

import sys
import time
from pathlib import Path

import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.training.checkpoints.state import build_variant
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.recovery.recovery import train_with_recovery
from vae_core.training.result import TrainResult

# the KL collapses once its weight has risen far enough, so that there is a checkpoint of before
CONFIG = recipe(
    140,
    beta=12,
    kl_warmup_share=1.0,
    free_bits_nats=0.0,
    learning_rate=3e-3,
    checkpoint_every_steps=4,
    mutual_information_every_steps=15,
    snapshots=1,
)


def train_here(folder: Path | None, on_progress=None, build=build_variant) -> TrainResult:
    """Train on one thread, from wherever the folder stands."""
    return train_with_recovery(
        TrainingData(boxes(100), held_out=boxes(20, seed=9)),
        TINY,
        CONFIG,
        Execution(time.process_time, folder, on_progress=on_progress, log_every=1),
        build=build,
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    train_here(Path(sys.argv[1]), lambda progress: print(progress.step, flush=True))
