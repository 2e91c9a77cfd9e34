"""Images as a version sees them: one row an image, the common form of a reference and of a window of traffic."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vae_core.reference import Reference


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """N images scored by one version, oldest first.

    mu (N, D), recon_error, norm (N,): as in `vae_core.inference.Scores`. image_mean and image_variance (N,): of the
    pixels on [0, 1]. image_entropy (N,): bits of the grey-level histogram, 0 to 4. Of a VAE the posterior's logvar
    (N, D) and kl (N,); of a VQ-VAE codes (N, T), one for each place of the grid, -1 where none was written down, and
    code_distance (N,). What the kind of model does not have is None. image_digest (N,) int64 tells traffic's images
    apart, 0 where it was not kept; None of a reference, whose images are all different.
    """

    mu: NDArray[np.floating]
    recon_error: NDArray[np.floating]
    norm: NDArray[np.floating]
    image_mean: NDArray[np.floating]
    image_variance: NDArray[np.floating]
    image_entropy: NDArray[np.floating]
    logvar: NDArray[np.floating] | None = None
    kl: NDArray[np.floating] | None = None
    codes: NDArray[np.integer] | None = None
    code_distance: NDArray[np.floating] | None = None
    image_digest: NDArray[np.integer] | None = None

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns().items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"sample: expected columns of one length, came {lengths}")
        if self.mu.ndim != 2 or (self.logvar is not None and self.mu.shape != self.logvar.shape):
            shape = None if self.logvar is None else self.logvar.shape
            raise ValueError(f"sample: expected mu and logvar (N, D), came {self.mu.shape} and {shape}")
        own = sorted({"logvar", "kl", "codes", "code_distance"} & set(lengths))
        if own not in (["kl", "logvar"], ["code_distance", "codes"]):
            raise ValueError(f"sample: expected logvar and kl of a VAE, or codes and code_distance, came {own}")
        if self.codes is not None and self.codes.ndim != 2:
            raise ValueError(f"sample: expected codes (N, T), came {self.codes.shape}")

    @classmethod
    def of(cls, reference: Reference) -> Sample:
        """A version's reference, or images measured like one, as the judges take it: every number float32."""
        names = [each.name for each in fields(cls) if each.name not in ("codes", "image_digest")]
        found = {name: getattr(reference, name) for name in names}
        columns: dict[str, Any] = {
            name: column.astype(np.float32) for name, column in found.items() if column is not None
        }
        codes = reference.codes
        return cls(**columns, codes=None if codes is None else codes.reshape(len(codes), -1))

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Those that this kind of model has, by name."""
        named = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: column for name, column in named if column is not None}

    @property
    def quantised(self) -> bool:
        """Whether a VQ-VAE scored it."""
        return self.codes is not None

    def __len__(self) -> int:
        return len(self.recon_error)

    @property
    def latent_dim(self) -> int:
        """D, the dimensions of the code."""
        return int(self.mu.shape[1])

    def of_one_model(self, other: Sample) -> bool:
        """Whether a version of the same kind and size may have scored both."""
        grids = [None if each.codes is None else each.codes.shape[1] for each in (self, other)]
        return self.latent_dim == other.latent_dim and grids[0] == grids[1]

    def joined(self, other: Sample) -> Sample:
        """Its images, then another's of one model, as a reference: their digests are left out."""
        mine, theirs = self.columns(), other.columns()
        names = [name for name in mine if name != "image_digest"]
        columns: dict[str, Any] = {
            name: np.concatenate([mine[name], theirs[name].astype(mine[name].dtype)]) for name in names
        }
        return Sample(**columns)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Sample:
        """Take some of the images."""
        some: dict[str, Any] = {name: column[rows] for name, column in self.columns().items()}
        return Sample(**some)
