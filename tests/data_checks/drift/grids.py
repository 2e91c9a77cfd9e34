"""Synthetic grids of codes with what real ones have: kinds of images, codes that clump in an image, rare codes."""

from __future__ import annotations

import numpy as np

from data_checks.sample import Sample
from tests.data_checks.drift.traffic import Source

CODES = 512
PLACES = 49
KINDS = 8
ATOMS = 12
"""Codes that an image is made of: its 49 are far from independent."""


class Grids:
    """One world of 8 kinds, as one VQ-VAE of 512 codes sees it; kind 8 is one that it never saw."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        common = rng.dirichlet(np.full(CODES, 0.5))
        own = rng.dirichlet(np.full(CODES, 0.05), KINDS + 1)
        self.cumulated = np.cumsum(0.6 * common + 0.4 * own, axis=1)
        self.rest = Source(seed, latent_dim=16)

    def draw(self, n: int, rng: np.random.Generator, *, stay: float = 0.0, new_share: float = 0.0) -> np.ndarray:
        """Codes (n, 49); with probability `stay` an image is of the kind of the one before it."""
        fresh = np.where(rng.random(n) < stay, 0, np.arange(n))
        kinds = rng.integers(0, KINDS, n)[np.maximum.accumulate(fresh)]
        kinds = np.where(rng.random(n) < new_share, KINDS, kinds)
        points = np.minimum(rng.random((n, ATOMS)), 1 - 1e-12)
        atoms = np.empty((n, ATOMS), np.int64)
        for kind in np.unique(kinds):
            atoms[kinds == kind] = np.searchsorted(self.cumulated[kind], points[kinds == kind])
        atoms = np.minimum(atoms, CODES - 1)
        return atoms[np.arange(n)[:, None], rng.integers(0, ATOMS, (n, PLACES))].astype(np.int32)

    def sample(self, n: int, rng: np.random.Generator, *, new_share: float = 0.0, distance: float = 1.0) -> Sample:
        """Images (n) as a VQ-VAE scores them; `distance` is a factor of every distance from the codes."""
        drawn = self.rest.draw(n, rng)
        return Sample(
            mu=drawn.mu, recon_error=drawn.recon_error, norm=drawn.norm, image_mean=drawn.image_mean,
            image_variance=drawn.image_variance, image_entropy=drawn.image_entropy,
            own={
                "codes": self.draw(n, rng, new_share=new_share),
                "code_distance": 0.05 * distance * drawn.column("kl"),
            },
        )  # fmt: skip
