"""Samples of images of known kinds, as a model would see them: each kind has its place, its spread and its error."""

from __future__ import annotations

import numpy as np

from data_checks.sample import Sample

DIMENSIONS = 16
KNOWN = 8
NEW = 8
"""The number of the kind that no reference holds: coded among the known ones, and badly reconstructed."""


def make_kinds() -> tuple[np.ndarray, np.ndarray]:
    """Centres (9, 16) and mean log errors (9,) of the kinds."""
    rng = np.random.default_rng(12)
    centres = rng.normal(0, 1.2, (KNOWN + 1, DIMENSIONS))
    centres[NEW] = 0.6 * (centres[0] + centres[1])
    return centres, np.append(rng.normal(np.log(0.011), 0.2, KNOWN), np.log(0.028))


def draw(kinds: np.ndarray, rng: np.random.Generator) -> Sample:
    """Draw one image of each kind named in kinds (N,)."""
    centres, errors = make_kinds()
    n = len(kinds)
    mu = centres[kinds] + rng.normal(0, 0.7, (n, DIMENSIONS))
    logvar = rng.normal(-2, 0.3, (n, DIMENSIONS)).astype(np.float16)
    error = np.exp(errors[kinds] + rng.normal(0, 0.35, n)).astype(np.float32)
    return Sample(
        mu=mu.astype(np.float16),
        recon_error=error,
        own={"logvar": logvar, "kl": rng.gamma(20, 0.9, n).astype(np.float32)},
        norm=np.linalg.norm(mu, axis=1).astype(np.float32),
        image_mean=rng.beta(3, 6, n).astype(np.float32),
        image_variance=rng.uniform(0.02, 0.2, n).astype(np.float32),
        image_entropy=rng.uniform(0.5, 4, n).astype(np.float32),
    )


def known_kinds(n: int, rng: np.random.Generator) -> np.ndarray:
    """Kinds (N,) of ordinary traffic."""
    return rng.integers(0, KNOWN, n)


def season_kinds(n: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Kinds (N,) of traffic with a share of the new kind."""
    return np.where(rng.random(n) < share, NEW, known_kinds(n, rng))
