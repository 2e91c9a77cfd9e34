"""How sure a Fréchet distance is: its influence function gives the standard error without resampling.

d² is a smooth function of two means and two covariances, so its sampling error is, to first order, the mean
of one influence value per image (the delta method; von Mises 1947, Hampel 1974). With the optimal transport
map T = S1⁻¹ # S2 = R⁻ᵀ (Rᵀ S2 R)^(1/2) R⁻¹ of the two Gaussians (S1 = R Rᵀ, T S1 T = S2), ∂d²/∂S1 = I - T and
∂d²/∂S2 = I - T⁻¹, and

    influence(x) =  2 (m1 - m2)·(x - m1) + (x - m1)ᵀ (I - T)   (x - m1) - its mean,  x of the first set
    influence(y) = -2 (m1 - m2)·(y - m2) + (y - m2)ᵀ (I - T⁻¹) (y - m2) - its mean,  y of the second set

so the estimation of the covariances is included. The interval is one for the estimate at this n; the positive
bias of the estimate is not in it (see the real-against-real floor).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.distances.frechet import (
    RELATIVE_RANK_TOLERANCE,
    CovarianceFactor,
    assemble_distance,
    factor_features,
)
from vae_core.evaluation.distances.moments import Moments, measure_moments


@dataclass(frozen=True, slots=True)
class FrechetEstimate:
    """A squared Fréchet distance (lower is better) with the interval of its sampling error."""

    value: float
    standard_error: float
    low: float
    high: float
    n_a: int
    n_b: int


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSet:
    """Features (N, D) of one set of images with what every comparison needs of them."""

    features: np.ndarray
    moments: Moments
    factor: CovarianceFactor
    whitened: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class FrechetInfluence:
    """The distance, and by how much each image moves it: of_a (N,), of_b (M,), each of mean 0."""

    value: float
    of_a: torch.Tensor
    of_b: torch.Tensor


def prepare_features(features: np.ndarray, device: str | torch.device = "cpu") -> FeatureSet:
    """Do once what a set that meets several others needs: moments, factor and whitened features.

    They live on the device, and everything that is measured against the set is computed there.
    """
    moments = measure_moments(features, device)
    factor = factor_features(features, moments)
    return FeatureSet(features, moments, factor, factor.whiten(_centred(features, moments)))


def measure_influence(a: FeatureSet, features_b: np.ndarray) -> FrechetInfluence:
    """Compute the squared Fréchet distance from a to features_b (M, D) and every image's influence on it."""
    b = measure_moments(features_b, a.moments.total.device)
    if a.moments.dim != b.dim:
        raise DataError(f"fréchet: features of width {a.moments.dim} and {b.dim} are two spaces; use one extractor")
    covariance_b = b.covariance
    product = a.factor.matrix.T @ covariance_b @ a.factor.matrix
    eigenvalues, vectors = torch.linalg.eigh((product + product.T) / 2)
    eigenvalues = eigenvalues.clamp_min(0)
    shift = a.moments.mean - b.mean

    centred_a = _centred(a.features, a.moments)
    transported = (a.whitened @ vectors).square() @ eigenvalues.sqrt()  # xᵀ T x
    of_a = 2 * centred_a @ shift + centred_a.square().sum(1) - transported

    centred_b = _centred(features_b, b)
    solid = eigenvalues > RELATIVE_RANK_TOLERANCE * eigenvalues.max()
    inverse_root = torch.where(solid, eigenvalues.clamp_min(1e-300).rsqrt(), 0.0)
    returned = (centred_b @ (a.factor.matrix @ vectors)).square() @ inverse_root  # yᵀ T⁻¹ y
    of_b = -2 * centred_b @ shift + centred_b.square().sum(1) - returned

    value = assemble_distance(shift, a.moments.covariance, covariance_b, eigenvalues)
    return FrechetInfluence(value, of_a - of_a.mean(), of_b - of_b.mean())


def frechet_interval(
    features_a: np.ndarray | FeatureSet, features_b: np.ndarray, level: float = 0.95
) -> FrechetEstimate:
    """Estimate the distance between two independent sets of features, (N, D) and (M, D), with its interval.

    Hand the set that meets several others over as `prepare_features(...)`: it costs half then.
    """
    influence = measure_influence(_prepared(features_a), features_b)
    variance = float(influence.of_a.var() / len(influence.of_a) + influence.of_b.var() / len(influence.of_b))
    return _estimate(influence, variance, level)


def paired_frechet_interval(
    features_a: np.ndarray | FeatureSet, features_b: np.ndarray, level: float = 0.95
) -> FrechetEstimate:
    """Estimate it for sets whose rows belong together, as images and their reconstructions do.

    What moves both sets alike cancels, so the interval is narrower than that of independent sets.
    """
    a = _prepared(features_a)
    if len(a.features) != len(features_b):
        raise DataError(
            f"fréchet: paired sets need equal n, came {len(a.features)} and {len(features_b)}; use frechet_interval"
        )
    influence = measure_influence(a, features_b)
    variance = float((influence.of_a + influence.of_b).var() / len(features_b))
    return _estimate(influence, variance, level)


def _estimate(influence: FrechetInfluence, variance: float, level: float) -> FrechetEstimate:
    standard_error = math.sqrt(max(0.0, variance))
    half = NormalDist().inv_cdf(0.5 + level / 2) * standard_error
    return FrechetEstimate(
        value=influence.value,
        standard_error=standard_error,
        low=max(0.0, influence.value - half),
        high=influence.value + half,
        n_a=len(influence.of_a),
        n_b=len(influence.of_b),
    )


def _prepared(features: np.ndarray | FeatureSet) -> FeatureSet:
    return features if isinstance(features, FeatureSet) else prepare_features(features)


def _centred(features: np.ndarray, moments: Moments) -> torch.Tensor:
    return torch.from_numpy(np.array(features, dtype=np.float64)).to(moments.total.device) - moments.mean
