"""Images as a version sees them: one row an image, the common form of a reference and of a window of traffic."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vae_core.families.columns import ColumnName, columns_in
from vae_core.families.family import Family
from vae_core.families.registry import SERVED, family_with

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
        own = columns_in(self)
        if (family := family_with(own)) is None:
            kinds = ", or ".join(" and ".join(each.name for each in served.columns) for served in SERVED)
            raise ValueError(f"sample: expected {kinds} beside those of all models, came {sorted(own)}")
        shapes = {"mu": self.mu.shape} | {
            each.name: own[each.name].shape for each in family.columns if each.form == "vector"
        }
        if self.mu.ndim != 2 or len(set(shapes.values())) > 1:
            raise ValueError(f"sample: expected {' and '.join(shapes)} (N, D), came {list(shapes.values())}")
        for each in family.columns:
            if each.form == "grid" and own[each.name].ndim != 2:
                raise ValueError(f"sample: expected {each.name} (N, T), came {own[each.name].shape}")

    @classmethod
    def of(cls, reference: Reference) -> Sample:
        """A version's reference, or images measured like one, as the judges take it: every number float32."""
        names = ("mu", "recon_error", "norm", "image_mean", "image_variance", "image_entropy")
        columns: dict[str, Any] = {name: getattr(reference, name).astype(np.float32) for name in names}
        for name, column in columns_in(reference).items():
            # indices of a grid stay whole numbers, in one row
            columns[name] = column.reshape(len(column), -1) if column.ndim == 3 else column.astype(np.float32)
        return cls(**columns)

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Those that this kind of model has, by name."""
        named = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: column for name, column in named if column is not None}

    @property
    def family(self) -> Family[Any, Any]:
        """The family of the version that scored it."""
        found = family_with(columns_in(self))
        assert found is not None, "a sample is of one family"
        return found

    def column(self, name: ColumnName) -> NDArray[Any]:
        """A column that only some families have; KeyError where this one has not."""
        found: NDArray[Any] = columns_in(self)[name]
        return found

    def own_numbers(self) -> tuple[ColumnName, ...]:
        """Names of the columns of one number an image that only its family has."""
        return tuple(each.name for each in self.family.columns if each.form == "number")

    def __len__(self) -> int:
        return len(self.recon_error)

    @property
    def latent_dim(self) -> int:
        """D, the dimensions of the code."""
        return int(self.mu.shape[1])

    def of_one_model(self, other: Sample) -> bool:
        """Whether a version of the same kind and size may have scored both."""
        shapes = [{name: column.shape[1:] for name, column in columns_in(each).items()} for each in (self, other)]
        return self.latent_dim == other.latent_dim and shapes[0] == shapes[1]

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
