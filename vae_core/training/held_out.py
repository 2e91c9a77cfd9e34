"""Images that are never trained on, and what they say of the weights after each stretch of steps."""

from __future__ import annotations

import math

import numpy as np
import torch

from vae_core.errors import DivergenceError
from vae_core.models.conv_vae import ConvVae
from vae_core.training.batches import place_images, to_input

IMAGES_AT_ONCE = 512


class HeldOut:
    """The held-out images of one training, with the noise that their codes are drawn with.

    The noise is the same at every look, so that two looks differ by the weights alone.
    """

    def __init__(self, images: np.ndarray, shape: tuple[int, int, int], *, seed: int, device: str) -> None:
        self._images = place_images("train: held_out", images, shape, device)
        # a stream of its own: the third, after those of weights and noise
        self._seed = int(np.random.SeedSequence(seed).generate_state(3, np.uint64)[2])

    @torch.no_grad()
    def measure(self, model: ConvVae) -> float:
        """Mean -ELBO in nats per image, lower is better: float32, whole images, beta 1, no free bits, one draw of z.

        DivergenceError when it is not finite. The model's modes stay as they are: nothing in it depends on them.
        """
        generator = torch.Generator(self._images.device).manual_seed(self._seed)
        total = 0.0
        for start in range(0, len(self._images), IMAGES_AT_ONCE):
            x = to_input(self._images[start : start + IMAGES_AT_ONCE])
            total += float(model.neg_elbo(x, generator).sum(dtype=torch.float64))
        if not math.isfinite(total):
            raise DivergenceError("train: the held-out -ELBO is not finite; lower learning_rate, then start anew")
        return total / len(self._images)
