"""What a model says of images, whatever its family: what all of them tell, and the columns that some have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from vae_core.errors import DataError
from vae_core.families.columns import ColumnName, columns_in


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a model says of B images, numpy float32 unless said otherwise; None where its family has no such thing.

    reconstruction (B, C, H, W): the decoder's mean at the code, on [0, 1]. recon_error (B,): mean squared error per
    pixel and channel of that reconstruction; lower is better. mu (B, D): the code as one vector: the posterior's mean,
    a deterministic autoencoder's z, or of a VQ-VAE a fixed projection of the grid of vectors z_e. norm (B,): the
    Euclidean length of mu, or the mean length of z_e over the grid.

    Of a Gaussian posterior: logvar (B, D); kl (B,): nats per image, summed over dimensions, never clamped. Of a VQ-VAE:
    codes (B, h, w) int32: indices of the codes; code_distance (B,): mean Euclidean distance of z_e from its code.
    """

    reconstruction: np.ndarray
    mu: np.ndarray
    recon_error: np.ndarray
    norm: np.ndarray
    logvar: np.ndarray | None = None
    kl: np.ndarray | None = None
    codes: np.ndarray | None = None
    code_distance: np.ndarray | None = None

    def rows(self, start: int, stop: int) -> Scores:
        """Those of the images from start to before stop."""
        columns: dict[str, Any] = {name: None if each is None else each[start:stop] for name, each in self._columns()}
        return Scores(**columns)

    def column(self, name: ColumnName) -> np.ndarray:
        """A column that not every family has; DataError where this one's has none."""
        found = columns_in(self)
        if name not in found:
            raise DataError(f"scores: expected {name} beside {sorted(found)}, came none; ask a model that has it")
        column: np.ndarray = found[name]
        return column

    def numbers(self) -> dict[str, np.ndarray]:
        """Every column of one number an image, by name: errors, lengths, and the family's own."""
        own: dict[str, np.ndarray] = {name: each for name, each in columns_in(self).items() if each.ndim == 1}
        return {"recon_error": self.recon_error, "norm": self.norm, **own}

    def all_finite(self) -> bool:
        """Whether every error, length, KL and distance is a number."""
        return all(np.isfinite(each).all() for each in self.numbers().values())

    @classmethod
    def joined(cls, parts: Sequence[Scores]) -> Scores:
        """Of one model, the images of each part after those of the one before; at least one part."""
        columns: dict[str, Any] = {
            name: None if each is None else np.concatenate([getattr(part, name) for part in parts])
            for name, each in parts[0]._columns()
        }
        return cls(**columns)

    def _columns(self) -> list[tuple[str, Any]]:
        return [(each.name, getattr(self, each.name)) for each in fields(self)]


@dataclass(frozen=True, slots=True, eq=False)
class ImageScores:
    """Per image: recon_error, ssim (N,), features (N, F) of its reconstruction; None where its family has none.

    Of a VAE: neg_elbo (N,), mu, logvar (N, D). Of a VQ-VAE: codes (N, h, w), code_distance (N,). Of an autoencoder: its
    codes as mu.
    """

    recon_error: np.ndarray
    ssim: np.ndarray
    features: np.ndarray
    neg_elbo: np.ndarray | None = None
    mu: np.ndarray | None = None
    logvar: np.ndarray | None = None
    codes: np.ndarray | None = None
    code_distance: np.ndarray | None = None
