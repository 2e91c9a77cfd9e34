"""A Gaussian mixture fitted after training to the codes that the decoder has learned to read.

Samples from N(0, I) land where the aggregated posterior q(z) = E_x[q(z|x)] has little mass, and look poor
(Ghosh et al. 2020, "From Variational to Deterministic Autoencoders", section 4: ex-post density estimation).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch

from vae_core.errors import ArtifactError, DataError

MAX_FIT_CODES = 10_000
"""Codes used in a fit: twice as many cost twice the time and sample no better (distance 914 against 899)."""


@dataclass(frozen=True, slots=True, eq=False)
class GaussianMixturePrior:
    """A mixture of K Gaussians over D latent dimensions, as float64 tensors on the CPU.

    weights (K,) sum to 1; means (K, D); cholesky (K, D, D) are the lower factors of the covariances.
    """

    kind: ClassVar[Literal["gaussian_mixture"]] = "gaussian_mixture"

    weights: torch.Tensor
    means: torch.Tensor
    cholesky: torch.Tensor

    @property
    def components(self) -> int:
        """K, the number of Gaussians."""
        return int(self.means.shape[0])

    @property
    def latent_dim(self) -> int:
        """D, the width of a code."""
        return int(self.means.shape[1])

    def sample(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Draw n codes: (n, D) float32 on the CPU; the same generator state gives the same codes."""
        chosen = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn((n, self.latent_dim), generator=generator, dtype=torch.float64)
        codes = torch.empty_like(noise)
        for component in range(self.components):  # one (D, D) factor at a time: indexing would copy n of them
            rows = chosen == component
            codes[rows] = self.means[component] + noise[rows] @ self.cholesky[component].T
        return codes.float()

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Name the tensors for a safetensors file."""
        # a batched Cholesky factor comes column by column, which safetensors refuses
        tensors = {"weights": self.weights, "means": self.means, "cholesky": self.cholesky}
        return {name: tensor.contiguous() for name, tensor in tensors.items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> GaussianMixturePrior:
        """Rebuild a prior from its named tensors; ArtifactError when they are no mixture."""
        expected = {"weights", "means", "cholesky"}
        if set(tensors) != expected:
            raise ArtifactError(
                f"prior: expected the tensors {sorted(expected)}, came {sorted(tensors)}; fit the prior again"
            )
        prior = cls(**{name: tensors[name].to(torch.float64) for name in expected})
        problem = _problem(prior)
        if problem:
            raise ArtifactError(f"prior: {problem}; fit the prior again")
        return prior


def fit_mixture(z: np.ndarray | torch.Tensor, components: int = 10, seed: int = 0) -> GaussianMixturePrior:
    """Fit a full-covariance mixture to codes z (N, D) by expectation maximisation (scikit-learn).

    z are draws from the posteriors (`sample_posterior`), not their means: the decoder was trained on draws,
    and in an inactive dimension the means have no spread while the draws are N(0, 1), so means would give a
    degenerate Gaussian there and codes that the decoder has never read. A deterministic autoencoder's codes
    are what its decoder was trained on. At most MAX_FIT_CODES codes, chosen by the seed, are used. DataError
    when z is not finite, not (N, D), or has fewer than 2 codes for a component.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    codes = np.asarray(z, dtype=np.float64)
    if codes.ndim != 2 or len(codes) < 2 * components or not np.isfinite(codes).all():
        raise DataError(
            f"fit_mixture: {components} components need at least {2 * components} finite codes (N, D), "
            f"came {codes.shape}; use more images or fewer components"
        )
    if len(codes) > MAX_FIT_CODES:
        codes = codes[np.random.default_rng(seed).choice(len(codes), MAX_FIT_CODES, replace=False)]
    mixture = GaussianMixture(components, covariance_type="full", reg_covar=1e-4, max_iter=100, random_state=seed)
    with warnings.catch_warnings():
        # a mixture one step short of the tolerance samples as well as a converged one
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(codes)
    return GaussianMixturePrior(
        weights=torch.from_numpy(mixture.weights_ / mixture.weights_.sum()),
        means=torch.from_numpy(mixture.means_),
        cholesky=torch.linalg.cholesky(torch.from_numpy(mixture.covariances_)),
    )


def _problem(prior: GaussianMixturePrior) -> str | None:
    """Say what keeps the tensors from being a mixture, or None."""
    weights, means, cholesky = prior.weights, prior.means, prior.cholesky
    if weights.ndim != 1 or means.ndim != 2 or len(weights) != len(means):
        return f"weights {tuple(weights.shape)} and means {tuple(means.shape)} must be (K,) and (K, D)"
    if cholesky.shape != (*means.shape, means.shape[1]):
        return f"cholesky {tuple(cholesky.shape)} must be (K, D, D) for means {tuple(means.shape)}"
    if not all(bool(torch.isfinite(tensor).all()) for tensor in (weights, means, cholesky)):
        return "some values are not finite"
    if bool((weights < 0).any()) or abs(float(weights.sum()) - 1.0) > 1e-6:
        return f"weights must be non-negative and sum to 1, their sum is {float(weights.sum()):.6g}"
    if bool((torch.diagonal(cholesky, dim1=1, dim2=2) <= 0).any()) or bool((cholesky.triu(1) != 0).any()):
        return "cholesky factors must be lower triangular with a positive diagonal"
    return None
