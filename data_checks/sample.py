"""Images as a version sees them: one row an image, the common form of a reference and of a window of traffic."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vae_core.reference import Reference


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """N images scored by one version, oldest first.

    mu, logvar (N, D): the posterior. recon_error, kl, norm (N,): as in `vae_core.inference.Scores`. image_mean and
    image_variance (N,): of the pixels on [0, 1]. image_entropy (N,): bits of the grey-level histogram, 0 to 4.
    """

    mu: NDArray[np.floating]
    logvar: NDArray[np.floating]
    recon_error: NDArray[np.floating]
    kl: NDArray[np.floating]
    norm: NDArray[np.floating]
    image_mean: NDArray[np.floating]
    image_variance: NDArray[np.floating]
    image_entropy: NDArray[np.floating]

    def __post_init__(self) -> None:
        lengths = {each.name: len(getattr(self, each.name)) for each in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"sample: expected columns of one length, came {lengths}")
        if self.mu.ndim != 2 or self.mu.shape != self.logvar.shape:
            raise ValueError(f"sample: expected mu and logvar (N, D), came {self.mu.shape} and {self.logvar.shape}")

    @classmethod
    def of(cls, reference: Reference) -> Sample:
        """A version's reference, or images measured like one, as the judges take it: every column float32."""
        return cls(**{each.name: getattr(reference, each.name).astype(np.float32) for each in fields(cls)})

    def __len__(self) -> int:
        return len(self.recon_error)

    @property
    def latent_dim(self) -> int:
        """D, the dimensions of the code."""
        return int(self.mu.shape[1])

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Sample:
        """Take some of the images."""
        return Sample(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})
