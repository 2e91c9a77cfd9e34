"""A training in a process of its own, to be killed: tells each step that it made."""

import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch

from tests.vae_core.synthetic_images import TINY, TINY_VQ, boxes, recipe
from tests.vae_core.training.options import train_by
from vae_core.families.build import build_model
from vae_core.training.health.progress import TrainProgress
from vae_core.training.loop import TrainResult, train

# checkpoints so often that kills fall into the writing
CONFIG = recipe(200, checkpoint_every_steps=2)
INCREMENTAL = recipe(120, checkpoint_every_steps=2, validate_every_steps=3, kl_warmup_share=0.0, trains="decoder")
EVERYTHING = recipe(
    120,
    checkpoint_every_steps=2,
    validate_every_steps=3,
    kl_schedule="cyclical",
    kl_warmup_unit="steps",
    kl_warmup_steps=60,
    encoder_rate_factor=0.5,
    clip_norm=5.0,
    mask_share=0.15,
    mask_patch_px=2,
    encoder_dropout=0.1,
    ema_decay=0.99,
)
CODES = recipe(120, checkpoint_every_steps=2, validate_every_steps=3, learning_rate=1e-2)
CONFIGS = {"plain": CONFIG, "incremental": INCREMENTAL, "everything": EVERYTHING, "codes": CODES}
MODELS = {"everything": TINY.model_copy(update={"likelihood": "gaussian"}), "codes": TINY_VQ}


def train_and_tell(folder: Path, kind: str, tells: Connection) -> None:
    """Train in this process, and send each step."""
    torch.set_num_threads(1)
    train_here(folder, kind, tells.send)


def train_here(folder: Path | None, kind: str, tell: Callable[[int], None] = lambda step: None) -> TrainResult:
    """Train on one thread, from wherever the folder stands.

    incremental: a decoder, weighed images, held-out ones. everything: all that a recipe can switch on for a full one.
    codes: a VQ-VAE, whose codebook moves without a gradient.
    """

    def told(progress: TrainProgress) -> None:
        tell(progress.step)

    watched = {"weights": np.where(np.arange(100) < 10, 2.0, 8 / 9), "held_out": boxes(20, seed=9)}
    beginnings = {
        "incremental": {"initial": build_model(TINY, seed=7), **watched},
        "everything": watched,
        "codes": watched,
    }
    result: TrainResult = train_by(
        train,
        boxes(100),
        MODELS.get(kind, TINY),
        CONFIGS[kind],
        clock=time.process_time,
        folder=folder,
        on_progress=told,
        log_every=1,
        **beginnings.get(kind, {}),
    )
    return result
