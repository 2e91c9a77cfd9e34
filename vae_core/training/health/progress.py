"""What a training reports while it runs: means over intervals of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch

_WHOLE = ("step", "active_dims", "codes_used")

ACTIVE_NATS = 0.01
"""Mean KL of a dimension above which it carries something."""


@dataclass(frozen=True, slots=True)
class TrainProgress:
    """The steps since the last report, up to `step`.

    epoch: passes over the images so far. share_done: of the budget, 0 to 1. neg_elbo, nll, kl: means over the
    interval, nats per image; neg_elbo is nll + kl, with neither beta nor free bits. active_dims: dimensions
    whose mean KL in the interval exceeds 0.01 nats. beta, learning_rate: of the last step. images_per_s: by
    the training's clock, None where it did not move. A VQ-VAE has none of neg_elbo, nll, kl, beta and active_dims, but
    squared_error and commitment, means over the interval, per image, summed over pixels and channels, and per number
    of a token; codes_used and perplexity of the last whole epoch, or so far where none is.
    """

    step: int
    epoch: float
    share_done: float
    learning_rate: float
    images_per_s: float | None
    neg_elbo: float | None = None
    nll: float | None = None
    kl: float | None = None
    beta: float | None = None
    active_dims: int | None = None
    squared_error: float | None = None
    codes_used: int | None = None
    perplexity: float | None = None
    commitment: float | None = None


class IntervalSums:
    """Sums over the steps since the last report, as float64 [steps, every number of every term].

    sizes: how many numbers each term has, by name and in the order in which steps give them.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = dict(sizes)
        self.values = torch.zeros(1 + sum(sizes.values()), dtype=torch.float64)

    @property
    def steps(self) -> int:
        """Steps summed."""
        return int(self.values[0])

    def add(self, terms: torch.Tensor) -> None:
        """Take a step's terms, one after another in a vector on the CPU."""
        self.values[0] += 1
        self.values[1:] += terms

    def means(self) -> dict[str, torch.Tensor]:
        """Mean of each term, by name."""
        means = torch.split(self.values[1:] / self.values[0], list(self._sizes.values()))
        return dict(zip(self._sizes, means, strict=True))

    def clear(self) -> None:
        """Begin the next interval."""
        self.values.zero_()


def curve_to_tensor(curve: Sequence[TrainProgress]) -> torch.Tensor:
    """Write a curve as (rows, fields) float64, NaN for None: exact, and small beside the weights."""
    names = [field.name for field in fields(TrainProgress)]
    rows = [[float("nan") if (value := getattr(point, name)) is None else value for name in names] for point in curve]
    return torch.tensor(rows, dtype=torch.float64).reshape(len(curve), len(names))


def curve_from_tensor(values: torch.Tensor) -> list[TrainProgress]:
    """Read what `curve_to_tensor` wrote, in this release or in one that did not know the last fields."""
    names = [field.name for field in fields(TrainProgress)]
    return [
        TrainProgress(**{name: _read(name, value) for name, value in zip(names[: len(row)], row, strict=True)})
        for row in values.tolist()
    ]


def _read(name: str, value: float) -> Any:
    if value != value:
        return None
    return int(value) if name in _WHOLE else value
