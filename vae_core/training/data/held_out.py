"""Images that are never trained on, and what they say of the weights after each stretch of steps."""

from __future__ import annotations

import numpy as np
import torch

from vae_core.families.variants import ImageModel
from vae_core.ranks import looked_at_alone
from vae_core.training.data.batches import place_images, to_input
from vae_core.training.health.divergence import require_finite_look

IMAGES_AT_ONCE = 512


class HeldOut:
    """The held-out images of one training, with the noise that their codes are drawn with.

    The noise is the same at every look, so that two looks differ by the weights alone.
    """

    def __init__(
        self,
        images: np.ndarray,
        shape: tuple[int, int, int],
        *,
        seed: int,
        device: str,
        images_at_once: int = IMAGES_AT_ONCE,
    ) -> None:
        self._images_at_once = images_at_once
        self._images = place_images("train: held_out", images, shape, device)
        # a stream of its own: the third, after those of weights and noise
        self._seed = int(np.random.SeedSequence(seed).generate_state(3, np.uint64)[2])

    def __len__(self) -> int:
        return len(self._images)

    def images(self, indices: torch.Tensor) -> torch.Tensor:
        """Those images as float32 (B, C, H, W) on [0, 1]."""
        return to_input(self._images.index_select(0, indices))

    @torch.no_grad()
    def measure(self, model: ImageModel, step: int) -> float:
        """Mean `watched_loss` per image after `step` steps, lower is better: float32, whole images.

        That of a VAE is the -ELBO in nats, with beta 1, no free bits and one draw of z; that of a VQ-VAE the squared
        error. DivergenceError, naming the step, when it is not finite. The model's modes stay as they are: nothing in
        it depends on them.
        """
        generator = torch.Generator(self._images.device).manual_seed(self._seed)
        total = 0.0
        with looked_at_alone(model):
            for start in range(0, len(self._images), self._images_at_once):
                x = to_input(self._images[start : start + self._images_at_once])
                total += float(model.watched_loss(x, generator).sum(dtype=torch.float64))
        require_finite_look("train", "loss", total, step)
        return total / len(self._images)
