"""The Fréchet distance between two Gaussians fitted to features: lower is better, 0 is equal.

d² = |m1 - m2|² + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)   (Dowson & Landau 1982; for images Heusel et al. 2017).

With any factor R of S1 = R Rᵀ the eigenvalues of S1 S2 are those of the symmetric Rᵀ S2 R, so one Cholesky
and one `eigvalsh` replace the matrix square root; nothing complex, nothing to be rounded away.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vae_core.errors import DataError
from vae_core.evaluation.moments import Moments

RELATIVE_RANK_TOLERANCE = 1e-12
"""Eigenvalues below this share of the largest are rounding of a float64 sum, not variance."""


@dataclass(frozen=True, slots=True, eq=False)
class CovarianceFactor:
    """A factor R (D, D) of a covariance S = R Rᵀ; worth keeping when one set meets many.

    `triangular`: R is the Cholesky factor; otherwise R = V sqrt(w) from the eigenvectors V and eigenvalues w
    (D,).
    """

    matrix: torch.Tensor
    eigenvalues: torch.Tensor | None = None

    @property
    def triangular(self) -> bool:
        """Whether the covariance was positive definite, so that R is its lower Cholesky factor."""
        return self.eigenvalues is None

    def whiten(self, centred: torch.Tensor) -> torch.Tensor:
        """R⁻¹ x for each row x of centred (N, D); without the directions in which S has no variance."""
        if self.eigenvalues is None:
            solved: torch.Tensor = torch.linalg.solve_triangular(self.matrix, centred.T, upper=False)
            return solved.T
        floor = RELATIVE_RANK_TOLERANCE * self.eigenvalues.max()
        inverse = torch.where(self.eigenvalues > floor, 1 / self.eigenvalues.clamp_min(1e-300), 0.0)
        whitened: torch.Tensor = centred @ (self.matrix * inverse)
        return whitened


def factor_covariance(moments: Moments) -> CovarianceFactor:
    """Factor the covariance of a set: by Cholesky, or by eigenvectors when it is not positive definite.

    The latter is the case for N ≤ D and for features that are constant; it costs about five times as much.
    """
    covariance = moments.covariance
    if moments.n > moments.dim:
        lower, failed = torch.linalg.cholesky_ex(covariance)
        if not bool(failed):
            return CovarianceFactor(lower)
    eigenvalues, vectors = torch.linalg.eigh(covariance)
    eigenvalues = eigenvalues.clamp_min(0)
    return CovarianceFactor(vectors * eigenvalues.sqrt(), eigenvalues)


def frechet_distance(a: Moments, b: Moments, factor_a: CovarianceFactor | None = None) -> float:
    """Measure the squared Fréchet distance d² between two sets of features, ≥ 0; lower is better.

    `factor_a` is `factor_covariance(a)` from an earlier call. The estimate has a positive bias that shrinks
    like 1/n: compare only values of equal n, or use the real-against-real floor. DataError when the widths
    differ or a set has fewer than two features.
    """
    if a.dim != b.dim:
        raise DataError(f"fréchet: features of width {a.dim} and {b.dim} live in different spaces; use one extractor")
    factor = factor_a or factor_covariance(a)
    product = factor.matrix.T @ b.covariance @ factor.matrix
    eigenvalues = torch.linalg.eigvalsh((product + product.T) / 2)
    return assemble_distance(a, b, eigenvalues)


def assemble_distance(a: Moments, b: Moments, product_eigenvalues: torch.Tensor) -> float:
    """Put d² together from the eigenvalues (D,) of Rᵀ S2 R, of which rounding may have made some negative."""
    means = float((a.mean - b.mean).square().sum())
    traces = float(a.covariance.trace() + b.covariance.trace())
    cross = float(product_eigenvalues.clamp_min(0).sqrt().sum())
    return max(0.0, means + traces - 2 * cross)
