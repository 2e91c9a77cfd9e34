"""Maximum mean discrepancy: whether two sets of codes could be draws of one distribution, 0 when they are.

MMD² = E k(x, x') + E k(y, y') - 2 E k(x, y), estimated without bias by its full U-statistic (Gretton et al. 2012,
equation 3), so that it may come out below 0; its standard error holds with and without a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from vae_core.errors import DataError
from vae_core.evaluation.distances.u_statistic import SMALLEST_SET, measure_kernel_distance

BLOCK = 1024
WAE_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

Kernel = Callable[[torch.Tensor], torch.Tensor]
"""A positive definite kernel of squared Euclidean distances of any shape, 1 at distance 0."""


@dataclass(frozen=True, slots=True)
class InverseMultiquadric:
    """The mean over `scales` of c / (c + d²): heavier tails than a Gaussian, so it sees far outliers."""

    scales: tuple[float, ...]

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


def wae_kernel(dim: int, prior_sd: float = 1.0) -> InverseMultiquadric:
    """Scales 2 D s² times 0.1 to 10: the expected squared distance of two draws from the prior, and around it.

    Tolstikhin et al. 2018 (appendix), who sum over the scales; here it is their mean, so that k(x, x) is 1.
    """
    return InverseMultiquadric(tuple(2 * dim * prior_sd**2 * scale for scale in WAE_SCALES))


@torch.no_grad()
def measure_mmd(x: torch.Tensor, y: torch.Tensor, kernel: Kernel, *, level: float = 0.95, block: int = BLOCK) -> Mmd:
    """Estimate MMD² between codes x (N, D) and y (M, D) on one device, N, M ≥ 4; a block of the kernel at a time.

    y are usually draws from the prior. Kernels in the dtype of the codes, sums in float64. DataError for other shapes
    or codes that are not finite.
    """
    _require_codes(x, y)
    centre = y.mean(0)  # distances stay, and lose fewer digits
    x, y = x - centre, y - centre
    found = measure_kernel_distance(x, y, lambda a, b: kernel(_squared_distances(a, b)), block=block, level=level)
    return Mmd(found.value, found.standard_error, found.low, found.high, found.n_a, found.n_b)


def _squared_distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.addmm(x.square().sum(1)[:, None] + y.square().sum(1), x, y.T, alpha=-2).clamp_min_(0)


def _require_codes(x: torch.Tensor, y: torch.Tensor) -> None:
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < SMALLEST_SET:
        raise DataError(
            f"mmd: expected codes (N, D) and (M, D) with N, M ≥ {SMALLEST_SET}, came {tuple(x.shape)} and "
            f"{tuple(y.shape)}; draw as many from the prior as there are codes"
        )
    if not bool(torch.isfinite(x).all() & torch.isfinite(y).all()):
        raise DataError("mmd: expected finite codes, came NaN or infinity; look at the encoder")
