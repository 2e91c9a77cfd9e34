"""The mean of the weights over the last steps: what is looked at and handed over where a training asks for it."""

from __future__ import annotations

import copy

import torch

from vae_core.families.variants import ImageModel


class WeightAverage:
    """An exponential moving mean of all parameters (Polyak & Juditsky 1992); `model` holds it, in eval mode.

    mean <- mean + (1 - d) (weights - mean), with d the smaller of `decay` and (1 + t) / (10 + t) before step t + 1,
    so that a short training is not held back by the weights that it began with. Buffers are copied as they are.
    """

    def __init__(self, model: ImageModel, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self._decay = decay

    @torch.no_grad()
    def update(self, model: ImageModel, steps_before: int) -> None:
        """Take the weights after a step into the mean; steps_before were made before it."""
        weight = 1 - min(self._decay, (1 + steps_before) / (10 + steps_before))
        for mean, value in zip(self.model.parameters(), model.parameters(), strict=True):
            mean.lerp_(value, weight)
        for kept, buffer in zip(self.model.buffers(), model.buffers(), strict=True):
            kept.copy_(buffer)
