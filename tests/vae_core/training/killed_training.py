"""A training in a process of its own, to be killed: tells each step that it made, one a line."""

import sys
import time
from pathlib import Path

import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.training.loop import TrainResult, train
from vae_core.training.progress import TrainProgress

CONFIG = recipe(200, checkpoint_every_steps=2)  # so often that kills fall into the writing


def train_here(folder: Path | None, tell: bool = False) -> TrainResult:
    """Train on one thread, from wherever the folder stands."""

    def told(progress: TrainProgress) -> None:
        if tell:
            print(progress.step, flush=True)

    return train(
        boxes(100),
        TINY,
        CONFIG,
        clock=time.process_time,
        checkpoint_folder=folder,
        on_progress=told,
        log_every=1,
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    train_here(Path(sys.argv[1]), tell=True)
