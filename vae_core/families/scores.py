"""What a model says of images, whatever its family: what all of them tell, and the columns that some have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vae_core.families.columns import Own, join_rows, numbers_in, take_column, take_rows


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a model says of B images, numpy float32 unless said otherwise.

    reconstruction (B, C, H, W): the decoder's mean at the code, on [0, 1]. recon_error (B,): mean squared error per
    pixel and channel of that reconstruction; lower is better. mu (B, D): the code as one vector: the posterior's mean,
    a deterministic autoencoder's z, or of a VQ-VAE a fixed projection of the grid of vectors z_e. norm (B,): the
    Euclidean length of mu, or the mean length of z_e over the grid. own: the columns that its family declares.
    """

    reconstruction: np.ndarray
    mu: np.ndarray
    recon_error: np.ndarray
    norm: np.ndarray
    own: Own = field(default_factory=dict)

    def rows(self, start: int, stop: int) -> Scores:
        """Those of the images from start to before stop."""
        some = slice(start, stop)
        return Scores(
            self.reconstruction[some],
            self.mu[some],
            self.recon_error[some],
            self.norm[some],
            take_rows(self.own, some),
        )

    def column(self, name: str) -> np.ndarray:
        """A column that not every family has; DataError where this one's has none."""
        return take_column(self.own, name, "scores")

    @property
    def codes(self) -> np.ndarray | None:
        """The column `codes`, or None: code that older releases keep beside a model in MLflow asks for it so."""
        return self.own.get("codes")

    @property
    def code_distance(self) -> np.ndarray | None:
        """The column `code_distance`, or None: likewise."""
        return self.own.get("code_distance")

    def numbers(self) -> dict[str, np.ndarray]:
        """Every column of one number an image, by name: errors, lengths, and the family's own."""
        return {"recon_error": self.recon_error, "norm": self.norm} | {
            name: self.own[name] for name in numbers_in(self.own)
        }

    def all_finite(self) -> bool:
        """Whether every error, length, KL and distance is a number."""
        return all(np.isfinite(each).all() for each in self.numbers().values())

    @classmethod
    def joined(cls, parts: Sequence[Scores]) -> Scores:
        """Of one model, the images of each part after those of the one before; at least one part."""
        return cls(
            np.concatenate([each.reconstruction for each in parts]),
            np.concatenate([each.mu for each in parts]),
            np.concatenate([each.recon_error for each in parts]),
            np.concatenate([each.norm for each in parts]),
            join_rows([each.own for each in parts]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ImageScores:
    """Per image: recon_error, ssim (N,), features (N, F) of its reconstruction, and what its family's figures need.

    own, of a VAE: neg_elbo (N,), mu, logvar (N, D). Of a VQ-VAE: codes (N, h, w), code_distance (N,). Of an
    autoencoder: its codes as mu.
    """

    recon_error: np.ndarray
    ssim: np.ndarray
    features: np.ndarray
    own: Own = field(default_factory=dict)

    def column(self, name: str) -> np.ndarray:
        """A column that its family's figures need; DataError where there is none."""
        return take_column(self.own, name, "scores of an evaluation")
