"""Images as a version sees them: one row an image, the common form of a reference and of a window of traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vae_core.families.columns import Own, numbers_in, take_column, take_rows
from vae_core.families.registry import columns_named, served_families

if TYPE_CHECKING:
    from vae_core.reference import Reference

OF_ALL = ("mu", "recon_error", "norm", "image_mean", "image_variance", "image_entropy")
"""What a sample of every family has."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """N images scored by one version, oldest first.

    mu (N, D), recon_error, norm (N,): as in `vae_core.inference.Scores`. image_mean and image_variance (N,): of the
    pixels on [0, 1]. image_entropy (N,): bits of the grey-level histogram, 0 to 4. own: the columns of its family, a
    grid as (N, T), one for each place, -1 where none was written down; of no images it may be empty. image_digest (N,)
    int64 tells traffic's images apart, 0 where it was not kept; None of a reference, whose images are all different.
    """

    mu: NDArray[np.floating]
    recon_error: NDArray[np.floating]
    norm: NDArray[np.floating]
    image_mean: NDArray[np.floating]
    image_variance: NDArray[np.floating]
    image_entropy: NDArray[np.floating]
    own: Own = field(default_factory=dict)
    image_digest: NDArray[np.integer] | None = None

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns().items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"sample: expected columns of one length, came {lengths}")
        declared = columns_named(self.own)
        if declared is None and not len(self):
            return  # of no images nothing was written down
        if declared is None:
            known = {" and ".join(own.name for own in each.columns) or "nothing": None for each in served_families()}
            raise ValueError(
                f"sample: expected {', or '.join(known)} beside those of all models, came {sorted(self.own)}"
            )
        shapes = {"mu": self.mu.shape} | {
            each.name: self.own[each.name].shape for each in declared if each.form == "vector"
        }
        if self.mu.ndim != 2 or len(set(shapes.values())) > 1:
            raise ValueError(f"sample: expected {' and '.join(shapes)} (N, D), came {list(shapes.values())}")
        for each in declared:
            if each.form == "grid" and self.own[each.name].ndim != 2:
                raise ValueError(f"sample: expected {each.name} (N, T), came {self.own[each.name].shape}")

    @classmethod
    def of(cls, reference: Reference) -> Sample:
        """A version's reference, or images measured like one, as the judges take it: every number float32."""
        own = {
            # indices of a grid stay whole numbers, in one row
            name: column.reshape(len(column), -1) if column.ndim == 3 else column.astype(np.float32)
            for name, column in reference.own.items()
        }
        return cls.from_columns({name: getattr(reference, name).astype(np.float32) for name in OF_ALL} | own)

    @classmethod
    def from_columns(cls, columns: Mapping[str, NDArray[Any]]) -> Sample:
        """What `columns` named; ValueError where they are no sample."""
        shared = {name: column for name, column in columns.items() if name in OF_ALL or name == "image_digest"}
        return cls(**shared, own={name: column for name, column in columns.items() if name not in shared})

    def columns(self) -> dict[str, NDArray[Any]]:
        """All that it has, by name."""
        told = {} if self.image_digest is None else {"image_digest": self.image_digest}
        return {name: getattr(self, name) for name in OF_ALL} | dict(self.own) | told

    def column(self, name: str) -> NDArray[Any]:
        """A column that only some families have; DataError where this one has not."""
        return take_column(self.own, name, "sample")

    def own_numbers(self) -> tuple[str, ...]:
        """Names of the columns of one number an image that only its family has."""
        return numbers_in(self.own)

    def __len__(self) -> int:
        return len(self.recon_error)

    @property
    def latent_dim(self) -> int:
        """D, the dimensions of the code."""
        return int(self.mu.shape[1])

    def of_one_model(self, other: Sample) -> bool:
        """Whether a version of the same kind and size may have scored both."""
        shapes = [{name: column.shape[1:] for name, column in each.own.items()} for each in (self, other)]
        return self.latent_dim == other.latent_dim and shapes[0] == shapes[1]

    def joined(self, other: Sample) -> Sample:
        """Its images, then another's of one model, as a reference: their digests are left out."""
        mine, theirs = self.columns(), other.columns()
        columns = {
            name: np.concatenate([mine[name], theirs[name].astype(mine[name].dtype)])
            for name in mine
            if name != "image_digest"
        }
        return Sample.from_columns(columns)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Sample:
        """Take some of the images."""
        return Sample.from_columns(take_rows(self.columns(), rows))
