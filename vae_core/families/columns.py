"""The scores of an image that not every family has: a family names its own once, and whatever keeps scores keeps them.

Tables of scores (`Scores`, `ImageScores`, `Reference`, a sample, a window of traffic) hold them by name, as one array
each, first axis the images. A new family declares its columns in its own folder and takes from here those that it
shares with another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from vae_core.errors import DataError

Own: TypeAlias = Mapping[str, np.ndarray[Any, Any]]
"""The columns of a table that its family has beside those of all families, by name and in the family's order."""


@dataclass(frozen=True, slots=True)
class Column:
    """One number (N,), vector (N, D) or grid (N, h, w) an image, and its numbers' type where a version stores it.

    name: letters, digits and underscores. A vector is as wide as the code; a grid holds indices, 0 to 65,535.
    """

    name: str
    form: Literal["number", "vector", "grid"]
    stored: Literal["float16", "float32", "int32"]


LOGVAR = Column("logvar", "vector", "float16")
"""Log-variance of a Gaussian posterior, within [-10, 10]."""
KL = Column("kl", "number", "float32")
"""KL divergence of the posterior from the prior, nats, summed over the latents, never clamped."""
CODES = Column("codes", "grid", "int32")
"""Indices of the codes of a quantised grid."""
CODE_DISTANCE = Column("code_distance", "number", "float32")
"""Mean Euclidean distance of the vectors of a grid from their codes."""


def take_column(own: Own, name: str, whose: str) -> np.ndarray:
    """A column by its name; DataError where the table, which `whose` names, has none."""
    if name not in own:
        raise DataError(f"{whose}: expected {name} beside {sorted(own)}, came none; ask a model that has it")
    return own[name]


def numbers_in(own: Own) -> tuple[str, ...]:
    """Names of those that are one number an image."""
    return tuple(name for name, column in own.items() if column.ndim == 1)


def take_rows(own: Own, rows: Any) -> dict[str, np.ndarray]:
    """The same columns of some images: an index of rows, a mask, or a slice."""
    return {name: column[rows] for name, column in own.items()}


def join_rows(parts: Iterable[Own]) -> dict[str, np.ndarray]:
    """The columns of one model, the images of each part after those of the one before."""
    tables = list(parts)
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
