"""Whether every active unit moves the picture, and moves it smoothly: traversals and interpolations, as a check.

A unit that an encoder fills and a decoder ignores, or a decoder that jumps from one picture to another, shows in no
mean error. Movement is the root mean square over pixels of a difference of decoder means on [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import torch

from vae_core.errors import DataError, DivergenceError
from vae_core.evaluation.mean_estimate import MeanEstimate, estimate_mean
from vae_core.families.conv_vae.protocol import Vae

SPAN = 3.0
"""Prior deviations to either side: 99.7 % of a standard normal."""

POINTS = 25
"""Of a path; its steps are then a quarter of a deviation."""

FLOOR = 1 / 255
"""One grey level: what moves the pixels by less cannot be seen in 8 bits."""

LARGEST_OVER_MEAN = 5.0
"""Six models of Fashion-MNIST stayed below 3.5 in all 32 units from 16 codes, below 2.5 between any two of 32."""

IMAGES_AT_ONCE = 512
"""Less memory than the likelihood takes, also at 64 pixels in colour."""

UNITS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Paths:
    """What a decoder makes of n paths: along one unit from several codes, or between the codes of one pair.

    moved: of each path, the root mean square over pixels of how far each pixel travels between its extremes; the mean
    over paths. step_ratio: largest over mean step of a path, the worst of the paths that reach the floor; 1 is
    perfectly even, None where none reaches it. problem: one line with both numbers, None where there is none.
    """

    name: str
    n: int
    moved: float
    moved_interval: MeanEstimate | None
    step_ratio: float | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class TraversalCheck:
    """The units and pairs that were tried, and the limits that they were held against."""

    dims: tuple[int, ...]
    units: tuple[Paths, ...]
    pairs: tuple[Paths, ...]
    floor: float
    limit: float

    @property
    def still_dims(self) -> tuple[int, ...]:
        """Units that do not move the picture."""
        return tuple(dim for dim, unit in zip(self.dims, self.units, strict=True) if unit.moved < self.floor)

    @property
    def jumping_dims(self) -> tuple[int, ...]:
        """Units that move it, in one of their steps too far."""
        still = self.still_dims
        return tuple(dim for dim in self.failing_dims if dim not in still)

    @property
    def failing_dims(self) -> tuple[int, ...]:
        """Units that do not move the picture, or jump."""
        return tuple(dim for dim, unit in zip(self.dims, self.units, strict=True) if unit.problem)

    @property
    def still_pairs(self) -> tuple[int, ...]:
        """Rows of the pairs whose interpolation does not move."""
        return tuple(row for row, pair in enumerate(self.pairs) if pair.moved < self.floor)

    @property
    def jumping_pairs(self) -> tuple[int, ...]:
        """Rows of the pairs whose interpolation moves, in one of its steps too far."""
        still = self.still_pairs
        return tuple(row for row in self.failing_pairs if row not in still)

    @property
    def failing_pairs(self) -> tuple[int, ...]:
        """Rows of the pairs whose interpolation does not move, or jumps."""
        return tuple(row for row, pair in enumerate(self.pairs) if pair.problem)

    @property
    def problems(self) -> tuple[str, ...]:
        """One line each; empty when all is well."""
        return tuple(paths.problem for paths in (*self.units, *self.pairs) if paths.problem)


def span_values(points: int = POINTS, span: float = SPAN) -> torch.Tensor:
    """Evenly from -span to +span: (points,) float32, for a prior of N(0, 1) in each unit."""
    return torch.linspace(-span, span, points)


def prior_values(draws: torch.Tensor, points: int = POINTS, span: float = SPAN) -> torch.Tensor:
    """Each unit's own way through draws (N, D) of another prior, evenly between its outer quantiles: (points, D).

    The quantiles are those that lie `span` deviations from the mean of a normal distribution.
    """
    outer = NormalDist().cdf(-span)
    shares = torch.tensor([outer, 1 - outer], dtype=torch.float64, device=draws.device)
    # torch.quantile takes 16 million numbers at most
    ends = torch.cat(
        [torch.quantile(some.double(), shares, 0) for some in torch.split(draws, UNITS_AT_ONCE, dim=1)], dim=1
    )
    way = torch.linspace(0, 1, points, dtype=torch.float64, device=draws.device)[:, None]
    return (ends[0] + way * (ends[1] - ends[0])).float()


@torch.no_grad()
def check_traversals(
    model: Vae,
    codes: torch.Tensor,
    dims: Sequence[int],
    *,
    partners: torch.Tensor | None = None,
    values: torch.Tensor | None = None,
    floor: float = FLOOR,
    limit: float = LARGEST_OVER_MEAN,
) -> TraversalCheck:
    """Walk each unit of `dims` from every code (B, D), and the straight lines from the codes to `partners` (B, D).

    `dims` are usually the active units of `LatentSummary`; `values` (S,) or (S, D) replace the span of [-3, 3]. A unit
    fails when its mean movement is below `floor` or a step exceeds `limit` times its path's mean step; a pair likewise.
    The model is in eval mode on the codes' device. DataError for unfit arguments; DivergenceError when the decoder
    answers NaN or infinity.
    """
    _require_codes(codes, dims, partners)
    ways = (span_values() if values is None else values).to(codes.device, codes.dtype)
    if ways.ndim not in (1, 2) or len(ways) < 3 or (ways.ndim == 2 and ways.shape[1] != codes.shape[1]):
        raise DataError(f"traversals: expected values (S ≥ 3,) or (S, D), came {tuple(ways.shape)}; use span_values")
    units = []
    for dim in dims:
        paths = codes[:, None].repeat(1, len(ways), 1)
        paths[:, :, dim] = ways if ways.ndim == 1 else ways[:, dim]
        units.append(_judge(f"unit {dim}", _walk(model, paths), floor, limit))
    pairs = [] if partners is None else _judge_pairs(_walk(model, _lines(codes, partners, len(ways))), floor, limit)
    return TraversalCheck(tuple(dims), tuple(units), tuple(pairs), floor, limit)


@dataclass(frozen=True, slots=True, eq=False)
class _Movement:
    """Per path (P,), float64 on the CPU: pixels' way between extremes, largest and mean step."""

    moved: torch.Tensor
    largest: torch.Tensor
    mean: torch.Tensor


def _lines(starts: torch.Tensor, ends: torch.Tensor, points: int) -> torch.Tensor:
    """Straight lines (B, points, D)."""
    shares = torch.linspace(0, 1, points, dtype=starts.dtype, device=starts.device)[:, None]
    return starts[:, None] + shares * (ends - starts)[:, None]


def _walk(model: Vae, paths: torch.Tensor) -> _Movement:
    """Decode paths (P, S, D), some at a time, and measure how they move."""
    measured = []
    for some in torch.split(paths, max(1, IMAGES_AT_ONCE // paths.shape[1])):
        images = model.decode(some.flatten(0, 1)).reshape(len(some), paths.shape[1], -1)
        steps = images.diff(dim=1).square().mean(2, dtype=torch.float64).sqrt()
        travelled = (images.amax(1) - images.amin(1)).square().mean(1, dtype=torch.float64).sqrt()
        measured.append(torch.stack([travelled, steps.amax(1), steps.mean(1)]))
    moved, largest, mean = torch.cat(measured, dim=1).cpu()  # one transfer a unit
    if not bool(torch.isfinite(moved).all()):
        raise DivergenceError("traversals: the decoder answers NaN or infinity; take an earlier checkpoint")
    return _Movement(moved, largest, mean)


def _judge(name: str, movement: _Movement, floor: float, limit: float) -> Paths:
    n, moved = len(movement.moved), float(movement.moved.mean())
    # a path that hardly moves has a ratio of rounding errors
    visible = movement.moved >= floor
    ratio = float((movement.largest / movement.mean)[visible].max()) if bool(visible.any()) else None
    problem = None
    if moved < floor:
        problem = f"{name} moves pixels by {moved:.2g} < {floor:.2g} (n={n} paths)"
    elif ratio is not None and ratio > limit:
        problem = f"{name} jumps: largest step {ratio:.1f} times the mean step > {limit:g} (n={n} paths)"
    interval = estimate_mean(movement.moved) if n > 1 else None
    return Paths(name, n, moved, interval, ratio, problem)


def _judge_pairs(movement: _Movement, floor: float, limit: float) -> list[Paths]:
    each = (torch.split(of_paths, 1) for of_paths in (movement.moved, movement.largest, movement.mean))
    singles = zip(*each, strict=True)
    return [_judge(f"pair {row}", _Movement(*single), floor, limit) for row, single in enumerate(singles)]


def _require_codes(codes: torch.Tensor, dims: Sequence[int], partners: torch.Tensor | None) -> None:
    if codes.ndim != 2 or len(codes) == 0:
        raise DataError(f"traversals: expected at least one code (B, D), came {tuple(codes.shape)}; encode some images")
    outside = [dim for dim in dims if not 0 <= dim < codes.shape[1]]
    if outside:
        raise DataError(
            f"traversals: expected units on 0..{codes.shape[1] - 1}, came {outside}; use this model's units"
        )
    if partners is not None and partners.shape != codes.shape:
        raise DataError(
            f"traversals: expected partners {tuple(codes.shape)}, came {tuple(partners.shape)}; pair every code"
        )
