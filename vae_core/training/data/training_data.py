"""The images of one training: those it learns from, and those that it is looked at with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.training.data.batches import Pairs


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Images uint8 (N, C, H, W) to learn from, and what goes with them.

    `images` of a memory-mapped file (`np.memmap`) are read batch by batch, a step ahead; all others lie on the device,
    or are read so too where they are more than half of what a GPU has free. The weights do not depend on it.
    `weights` (N,) ≥ 0 say how often each image is drawn, relative to one another. `pairs` take a share of each batch:
    what the encoder sees, and what the decoder is to make of it.

    `held_out` uint8 (M, C, H, W) are images whose loss is measured before the first step (unless the codes have not
    begun) and every `validate_every_steps`: the best weights are handed over, and the training ends when they were not
    improved on for `patience` looks. Where the recipe keeps a mean of the weights, it is that which is looked at and
    handed over. `inspected` uint8 (M, C, H, W) are what bounds on I(x; z) are measured on, the held-out ones by
    default: nothing is chosen or ended by them, and a checkpoint does not ask for the same ones.
    """

    images: np.ndarray
    weights: np.ndarray | None = None
    held_out: np.ndarray | None = None
    inspected: np.ndarray | None = None
    pairs: Pairs | None = None
