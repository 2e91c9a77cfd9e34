"""Maximum mean discrepancy: whether two sets of codes could be draws of one distribution, 0 when they are.

MMD² = E k(x, x') + E k(y, y') - 2 E k(x, y), estimated without bias (Gretton et al. 2012, equation 3), so that it may
come out below 0. Its standard error holds with and without a difference: first-order variance by the rows' mean
kernels, second-order by the squared kernels (Serfling 1980, section 5.2; Sutherland et al. 2017, appendix A).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import torch

from vae_core.errors import DataError

BLOCK = 1024
MEDIAN_ROWS = 1000
"""Rows of each set from which the median distance is taken: half a million pairs of each."""

WAE_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Kernel(Protocol):
    """A positive definite kernel of the squared Euclidean distance, 1 at distance 0."""

    @property
    def name(self) -> str:
        """Family and scale, in one word or two."""
        ...

    def __call__(self, squared: torch.Tensor) -> torch.Tensor:
        """Kernel values of squared distances of any shape."""
        ...


@dataclass(frozen=True, slots=True)
class Rbf:
    """exp(-d² / 2 h²) with bandwidth h."""

    bandwidth: float

    @property
    def name(self) -> str:
        """Family and bandwidth."""
        return f"rbf h={self.bandwidth:.3g}"

    def __call__(self, squared: torch.Tensor) -> torch.Tensor:
        """Kernel values of squared distances."""
        return torch.exp(squared * (-0.5 / self.bandwidth**2))


@dataclass(frozen=True, slots=True)
class InverseMultiquadric:
    """The mean over `scales` of c / (c + d²): heavier tails than Rbf, so it sees far outliers."""

    scales: tuple[float, ...]

    @property
    def name(self) -> str:
        """Family and scales."""
        return f"imq c={min(self.scales):.3g}..{max(self.scales):.3g}"

    def __call__(self, squared: torch.Tensor) -> torch.Tensor:
        """Kernel values of squared distances."""
        total = torch.zeros_like(squared)
        for scale in self.scales:
            total += scale / (scale + squared)
        return total / len(self.scales)


@dataclass(frozen=True, slots=True)
class Mmd:
    """MMD² of n against m codes with its standard error and interval; lower is better, 0 is one distribution."""

    value: float
    standard_error: float
    low: float
    high: float
    n: int
    m: int
    kernel: str


def wae_kernel(dim: int, prior_sd: float = 1.0) -> InverseMultiquadric:
    """Scales 2 D s² times 0.1 to 10: the expected squared distance of two draws from the prior, and around it.

    Tolstikhin et al. 2018 (appendix), who sum over the scales; here it is their mean, so that k(x, x) is 1.
    """
    return InverseMultiquadric(tuple(2 * dim * prior_sd**2 * scale for scale in WAE_SCALES))


def median_rbf(x: torch.Tensor, y: torch.Tensor) -> Rbf:
    """Bandwidth: the median distance between pooled codes (Gretton et al. 2012, section 8), evenly thinned rows."""
    pooled = torch.cat([_thin(x), _thin(y)]).double()
    squared = torch.nn.functional.pdist(pooled).square()
    median = math.sqrt(float(squared.median()))
    if median == 0:
        raise DataError("mmd: half of all codes are equal, so the median distance is 0; choose a bandwidth")
    return Rbf(median)


@torch.no_grad()
def measure_mmd(x: torch.Tensor, y: torch.Tensor, kernel: Kernel, *, level: float = 0.95, block: int = BLOCK) -> Mmd:
    """Estimate MMD² between codes x (N, D) and y (M, D) on one device, N, M ≥ 4; a block of the kernel at a time.

    y are usually draws from the prior. Kernels in the dtype of the codes, sums in float64. DataError for other shapes
    or codes that are not finite.
    """
    _require_codes(x, y)
    centre = y.mean(0)  # distances stay, and lose fewer digits
    x, y = x - centre, y - centre
    n, m = len(x), len(y)
    within_x, within_y = _sums_within(x, kernel, block), _sums_within(y, kernel, block)
    of_x, of_y, squares_xy = _sums_between(x, y, kernel, block)

    of_x, of_y = of_x / m, of_y / n  # every row's mean kernel to the other set, and to its own
    own_x, own_y = within_x.rows / (n - 1), within_y.rows / (m - 1)
    value = float(own_x.mean() + own_y.mean() - of_x.mean() - of_y.mean())

    spread_xx = _doubly_centred(within_x.squares / (n * (n - 1)), own_x, own_x)
    spread_yy = _doubly_centred(within_y.squares / (m * (m - 1)), own_y, own_y)
    spread_xy = _doubly_centred(squares_xy / (n * m), of_x, of_y)
    second_order = 2 * spread_xx / n**2 + 2 * spread_yy / m**2 + 4 * spread_xy / (n * m)
    # the rows' spread holds every second-order term twice; without a difference little else is in it, and the larger
    # of the two then errs on the wide side: by a tenth to a quarter in simulation
    rows = 4 * float((own_x - of_x).var()) / n + 4 * float((own_y - of_y).var()) / m
    standard_error = math.sqrt(max(rows - second_order, second_order, 0.0))
    half = NormalDist().inv_cdf(0.5 + level / 2) * standard_error
    return Mmd(value, standard_error, value - half, value + half, n, m, kernel.name)


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Of a kernel matrix without its diagonal: sum of each row (N,), and the sum of all squares, float64."""

    rows: torch.Tensor
    squares: float


def _sums_within(x: torch.Tensor, kernel: Kernel, block: int) -> _Sums:
    """Half of the blocks: the matrix is symmetric."""
    rows = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    squares = torch.zeros((), dtype=torch.float64, device=x.device)
    for i in range(0, len(x), block):
        for j in range(i, len(x), block):
            values = kernel(_squared_distances(x[i : i + block], x[j : j + block]))
            if i == j:
                values.fill_diagonal_(0)
            rows[i : i + block] += values.sum(1, dtype=torch.float64)
            if i != j:
                rows[j : j + block] += values.sum(0, dtype=torch.float64)
            squares += (1 if i == j else 2) * values.square().sum(dtype=torch.float64)
    return _Sums(rows, float(squares))


def _sums_between(
    x: torch.Tensor, y: torch.Tensor, kernel: Kernel, block: int
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Sums of each row (N,), of each column (M,), and of all squares."""
    of_x = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    of_y = torch.zeros(len(y), dtype=torch.float64, device=x.device)
    squares = torch.zeros((), dtype=torch.float64, device=x.device)
    for i in range(0, len(x), block):
        for j in range(0, len(y), block):
            values = kernel(_squared_distances(x[i : i + block], y[j : j + block]))
            of_x[i : i + block] += values.sum(1, dtype=torch.float64)
            of_y[j : j + block] += values.sum(0, dtype=torch.float64)
            squares += values.square().sum(dtype=torch.float64)
    return of_x, of_y, float(squares)


def _squared_distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.addmm(x.square().sum(1)[:, None] + y.square().sum(1), x, y.T, alpha=-2).clamp_min_(0)


def _doubly_centred(mean_square: float, rows: torch.Tensor, columns: torch.Tensor) -> float:
    """Variance of a kernel when its row and column means are taken off."""
    mean = float(rows.mean())
    return max(0.0, mean_square - float(rows.square().mean()) - float(columns.square().mean()) + mean**2)


def _thin(codes: torch.Tensor) -> torch.Tensor:
    return codes[:: max(1, len(codes) // MEDIAN_ROWS)][:MEDIAN_ROWS]


def _require_codes(x: torch.Tensor, y: torch.Tensor) -> None:
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 4:
        raise DataError(
            f"mmd: expected codes (N, D) and (M, D) with N, M ≥ 4, came {tuple(x.shape)} and {tuple(y.shape)}; "
            "draw as many from the prior as there are codes"
        )
    if not bool(torch.isfinite(x).all() & torch.isfinite(y).all()):
        raise DataError("mmd: expected finite codes, came NaN or infinity; look at the encoder")
