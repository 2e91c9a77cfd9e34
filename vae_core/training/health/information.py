"""How much a VAE's codes tell about held-out images while it trains: bounds on I(x; z), each with its n."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vae_core.evaluation.likelihood.mutual_information import measure_mutual_information
from vae_core.families.conv_vae.protocol import Posterior
from vae_core.families.variants import PosteriorModel
from vae_core.losses import kl_divergence

MOST_IMAGES = 10_000
"""Of one measurement, whose cost grows with their square; the lower bound cannot exceed the log of their number."""

KL_IMAGES = 2_000
"""Of a KL by which snapshots are ranked: good to about 0.1 nats, and the same images for all of them."""

_POINTS = "information"


@dataclass(frozen=True, slots=True)
class InformationPoint:
    """Bounds on I(x; z) after `step` steps, nats per image, lower ≤ I ≤ upper, over n held-out images.

    Both up to the sampling error of n images and a draw each, by which they may cross near 0. The lower one
    cannot exceed log n: near it, it says only that there is at least so much.
    """

    step: int
    lower: float
    upper: float
    n: int


@torch.no_grad()
def measure_information(
    model: PosteriorModel, images: Iterable[torch.Tensor], step: int, seed: int
) -> InformationPoint:
    """Bound I(x; z) over images (B, C, H, W) on [0, 1]; the same draws at every look of one seed."""
    posterior = _encode(model, images)
    # a stream of its own: the fourth, after those of weights, noise and held-out images
    stream = int(np.random.SeedSequence(seed).generate_state(4, np.uint64)[3])
    generator = torch.Generator(posterior.mu.device).manual_seed(stream)
    found = measure_mutual_information(posterior, generator)
    return InformationPoint(step, found.lower.mean, found.upper.mean, found.n)


@torch.no_grad()
def measure_mean_kl(model: PosteriorModel, images: Iterable[torch.Tensor]) -> float:
    """Mean KL over images (B, C, H, W) on [0, 1], nats per image, summed over dimensions."""
    return float(kl_divergence(*_encode(model, images)).sum(1).mean(dtype=torch.float64))


def _encode(model: PosteriorModel, images: Iterable[torch.Tensor]) -> Posterior:
    posteriors = [model.encode(x) for x in images]
    return Posterior(torch.cat([each.mu for each in posteriors]), torch.cat([each.logvar for each in posteriors]))


def information_to_tensors(points: Sequence[InformationPoint]) -> dict[str, torch.Tensor]:
    """Write them for a checkpoint; nothing where there are none."""
    rows = [[float(each.step), each.lower, each.upper, float(each.n)] for each in points]
    return {_POINTS: torch.tensor(rows, dtype=torch.float64)} if rows else {}


def information_from_tensors(tensors: Mapping[str, torch.Tensor]) -> list[InformationPoint]:
    """Read what `information_to_tensors` wrote."""
    rows = tensors[_POINTS].tolist() if _POINTS in tensors else []
    return [InformationPoint(int(step), lower, upper, int(n)) for step, lower, upper, n in rows]
