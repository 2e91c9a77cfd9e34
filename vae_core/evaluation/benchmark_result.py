"""The result of one evaluation: what goes to JSON, to MLflow and onto the model card."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from vae_core.config import LikelihoodName
from vae_core.evaluation.frechet_interval import FrechetEstimate

SMALLEST_N = 5000
"""Below it the bias of a distance is of the order of what one wants to see (measured at 1,280 features)."""


class FrechetScore(BaseModel):
    """A squared Fréchet distance in a named feature space; lower is better, down to the floor of real images.

    low and high bound the estimate at this n (95 %); its bias is not in them, so compare only equal n.
    n_too_small: a set has fewer than 5,000 images or no more images than features, the value is mostly bias.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    feature_space: str
    value: float
    standard_error: float
    low: float
    high: float
    n_real: int
    n_fake: int
    n_too_small: bool

    @classmethod
    def of(cls, estimate: FrechetEstimate, feature_space: str, dim: int) -> FrechetScore:
        """Name the feature space of an estimate whose first set is the real one."""
        smallest = min(estimate.n_a, estimate.n_b)
        return cls(
            feature_space=feature_space,
            value=estimate.value,
            standard_error=estimate.standard_error,
            low=estimate.low,
            high=estimate.high,
            n_real=estimate.n_a,
            n_fake=estimate.n_b,
            n_too_small=smallest < SMALLEST_N or smallest <= dim,
        )

    def __str__(self) -> str:
        """Give the value as a reason or a card quotes it."""
        small = ", n too small" if self.n_too_small else ""
        interval = f"[{self.low:.2f}, {self.high:.2f}]"
        return f"fd_{self.feature_space} {self.value:.2f} {interval} (n={self.n_fake}{small})"


class BenchmarkResult(BaseModel):
    """How good a model is on one fixed set of images.

    Lower is better: recon_error (mean squared error per pixel and channel on [0, 1], decoder mean at z = mu;
    with the 95 % interval of its mean and the 50th and 99th percentile over images), neg_elbo (nats per
    image, one draw of z, comparable only between models of the same likelihood), every Fréchet distance.
    Higher is better: explained_variance (1 - recon_error / recon_error_baseline, where the baseline predicts
    the mean image), active_units (Var[mu] > 0.01). Neither: kl (nats per image, and per dimension; near 0 is
    collapse), the aggregated posterior per dimension (mean and E[sigma²] + Var[mu]; 0 and 1 equal the prior).
    fd_samples_standard draws from N(0, I), fd_samples_mixture from the fitted mixture (absent without one);
    fd_floor is real against real: the benchmark against an independent set, or its two halves (then of half
    the n).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    schema_version: Literal[1] = 1
    n_images: int
    n_samples: int
    seed: int
    data_digest: str
    extractor_digest: str

    recon_error: float
    recon_error_low: float
    recon_error_high: float
    recon_error_p50: float
    recon_error_p99: float
    recon_error_baseline: float
    explained_variance: float

    likelihood: LikelihoodName = "bernoulli"
    neg_elbo: float
    neg_elbo_low: float
    neg_elbo_high: float

    kl: float
    latent_dim: int
    active_units: int
    inactive_dims: tuple[int, ...]
    kl_per_dim: tuple[float, ...]
    mu_variance_per_dim: tuple[float, ...]
    posterior_mean_per_dim: tuple[float, ...]
    posterior_variance_per_dim: tuple[float, ...]

    fd_reconstructions: FrechetScore
    fd_samples_standard: FrechetScore
    fd_samples_mixture: FrechetScore | None
    fd_floor: FrechetScore
    fd_floor_kind: Literal["independent_set", "two_halves"]

    @property
    def fd_samples(self) -> FrechetScore:
        """The distance of the samples that the version would give: from its mixture, else from N(0, I)."""
        return self.fd_samples_mixture or self.fd_samples_standard

    def metrics(self) -> dict[str, float]:
        """Flatten to numbers for a tracking server; fd_NAME alone is `fd_samples`."""
        plain = (
            "n_images", "recon_error", "recon_error_low", "recon_error_high", "recon_error_p50",
            "recon_error_p99", "recon_error_baseline", "explained_variance", "neg_elbo", "neg_elbo_low",
            "neg_elbo_high", "kl", "latent_dim", "active_units",
        )  # fmt: skip
        metrics = {name: float(getattr(self, name)) for name in plain}
        distances = {
            "": self.fd_samples,
            "_reconstructions": self.fd_reconstructions,
            "_samples_standard": self.fd_samples_standard,
            "_samples_mixture": self.fd_samples_mixture,
            "_floor": self.fd_floor,
        }
        for suffix, score in distances.items():
            if score is not None:
                name = f"fd_{score.feature_space}{suffix}"
                metrics |= {name: score.value, f"{name}_low": score.low, f"{name}_high": score.high}
        return metrics
