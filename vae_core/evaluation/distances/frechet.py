"""The Fréchet distance between two Gaussians fitted to features: lower is better, 0 is equal.

d² = |m1 - m2|² + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)   (Dowson & Landau 1982; for images Heusel et al. 2017).

With any factor R of S1 = R Rᵀ the eigenvalues of S1 S2 are those of the symmetric Rᵀ S2 R, so one Cholesky
and one `eigvalsh` replace the matrix square root; nothing complex, nothing to be rounded away. With a triangular R
the product takes, on a CPU, a quarter of the arithmetic of two full ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import lapack

from vae_core.errors import DataError
from vae_core.evaluation.distances.moments import Moments

RELATIVE_RANK_TOLERANCE = 1e-12
"""Eigenvalues below this share of the largest are rounding of a float64 sum, not variance."""


@dataclass(frozen=True, slots=True, eq=False)
class CovarianceFactor:
    """A factor R (D, r) of a covariance S = R Rᵀ; worth keeping when one set meets many.

    `triangular`: R is the Cholesky factor, r = D; otherwise R = V sqrt(w) from eigenvectors V (D, r) and eigenvalues w
    (r,), where r is D, or as little as the rank.
    """

    matrix: torch.Tensor
    eigenvalues: torch.Tensor | None = None

    @property
    def triangular(self) -> bool:
        """Whether the covariance was positive definite, so that R is its lower Cholesky factor."""
        return self.eigenvalues is None

    def congruence(self, covariance: torch.Tensor) -> torch.Tensor:
        """Rᵀ S R of another covariance S (D, D), of which only the lower triangle is filled and may be read.

        Directions in which R has no variance are left out, so the result is as wide as R's rank; their rounding would
        enter the distance under a root.
        """
        if self.eigenvalues is None:
            return _triangular_congruence(self.matrix, covariance)
        solid = self.matrix[:, self.eigenvalues > RELATIVE_RANK_TOLERANCE * self.eigenvalues.max()]
        return solid.T @ covariance @ solid

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
    return _factor(moments.covariance, positive_definite=moments.n > moments.dim)


def factor_features(features: np.ndarray, moments: Moments) -> CovarianceFactor:
    """Factor the covariance of features (N, D) with these moments; of N ≤ D features as wide as its rank.

    Those have at most N - 1 directions of variance, and the eigenvectors of the covariance (D, D) follow from those of
    the Gram matrix (N, N): 250 features of width 1,280 are factored, and compared, in a tenth of the time.
    """
    if moments.n > moments.dim:
        return factor_covariance(moments)
    centred = torch.from_numpy(np.array(features, dtype=np.float64)).to(moments.total.device) - moments.mean
    centred /= (moments.n - 1) ** 0.5
    eigenvalues, vectors = torch.linalg.eigh(centred @ centred.T)
    solid = eigenvalues > RELATIVE_RANK_TOLERANCE * eigenvalues[-1]
    solid[-1] = True  # of equal features no direction has variance, and one is kept
    return CovarianceFactor(centred.T @ vectors[:, solid], eigenvalues[solid].clamp_min(0))


def frechet_distance(a: Moments, b: Moments, factor_a: CovarianceFactor | None = None) -> float:
    """Measure the squared Fréchet distance d² between two sets of features, ≥ 0; lower is better.

    `factor_a` is `factor_covariance(a)` from an earlier call. The estimate has a positive bias that shrinks
    like 1/n: compare only values of equal n, use the real-against-real floor, or `fid_infinity`. DataError when the
    widths differ or a set has fewer than two features.
    """
    if a.dim != b.dim:
        raise DataError(f"fréchet: features of width {a.dim} and {b.dim} live in different spaces; use one extractor")
    covariance_a, covariance_b = a.covariance, b.covariance
    factor = factor_a or _factor(covariance_a, positive_definite=a.n > a.dim)
    eigenvalues = torch.linalg.eigvalsh(factor.congruence(covariance_b), UPLO="L")
    return assemble_distance(a.mean - b.mean, covariance_a, covariance_b, eigenvalues)


def assemble_distance(
    shift: torch.Tensor, covariance_a: torch.Tensor, covariance_b: torch.Tensor, product_eigenvalues: torch.Tensor
) -> float:
    """Put d² together from m1 - m2 (D,), S1, S2 (D, D) and the eigenvalues of Rᵀ S2 R.

    Rounding may have made some of the eigenvalues negative.
    """
    means = float(shift.square().sum())
    traces = float(covariance_a.trace() + covariance_b.trace())
    cross = float(product_eigenvalues.clamp_min(0).sqrt().sum())
    return max(0.0, means + traces - 2 * cross)


def _factor(covariance: torch.Tensor, positive_definite: bool) -> CovarianceFactor:
    """Factor it by Cholesky where it should be and is positive definite, else by eigenvectors."""
    if positive_definite:
        lower, failed = torch.linalg.cholesky_ex(covariance)
        if not bool(failed):
            return CovarianceFactor(lower)
    eigenvalues, vectors = torch.linalg.eigh(covariance)
    eigenvalues = eigenvalues.clamp_min(0)
    return CovarianceFactor(vectors * eigenvalues.sqrt(), eigenvalues)


def _triangular_congruence(lower: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    """Lᵀ S L for a lower triangular L; on a CPU without the products with the zeros above its diagonal."""
    if lower.device.type != "cpu":
        return lower.T @ covariance @ lower
    # LAPACK's step from a generalised eigenvalue problem to a symmetric one; it wants columns contiguous
    product, _ = lapack.dsygst(covariance.numpy().T, np.asfortranarray(lower.numpy()), itype=2, lower=1)
    return torch.from_numpy(product)
