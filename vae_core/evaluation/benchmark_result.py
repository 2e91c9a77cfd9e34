"""The result of one evaluation: what goes to JSON, to MLflow and onto the model card."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, model_validator

from vae_core.errors import DataError
from vae_core.evaluation.benchmark_scores import (
    FORM,
    CoverageScore,
    FrechetScore,
    GroupScore,
    MeanScore,
    NllScore,
    OccupancyScore,
    UnbiasedScore,
)
from vae_core.evaluation.codes.traversal_score import TraversalScore
from vae_core.evaluation.images.group_errors import SMALLEST_GROUP
from vae_core.families.conv_vae.config import LikelihoodName
from vae_core.families.family import Family
from vae_core.families.registry import FAMILIES, family_telling

__all__ = ["BenchmarkResult", "FrechetScore"]

PLAIN = (
    "n_images", "recon_error", "recon_error_low", "recon_error_high", "recon_error_p50",
    "recon_error_p99", "recon_error_baseline", "explained_variance", "neg_elbo", "neg_elbo_low",
    "neg_elbo_high", "kl", "latent_dim", "active_units", "codes", "codes_used", "code_perplexity",
    "code_distance", "code_distance_low", "code_distance_high",
)  # fmt: skip


class BenchmarkResult(BaseModel):
    """How good a model is on one fixed set of images.

    Lower is better: recon_error (mean squared error per pixel and channel on [0, 1], decoder mean at z = mu or at the
    codes; with the 95 % interval of its mean and the 50th and 99th percentile over images), neg_elbo (nats per
    image, one draw of z, comparable only between models of the same likelihood), nll (likewise), code_distance (mean
    Euclidean distance of z_e from its code), every Fréchet distance, kid_samples, mmd_prior (of the aggregated
    posterior, by an inverse multiquadric). Higher is better: explained_variance (1 - recon_error /
    recon_error_baseline, where the baseline predicts the mean image), psnr_db (decibels, mean over images), ssim,
    active_units (Var[mu] > 0.01), codes_used of `codes`, code_perplexity (1 to `codes`), both over all `tokens`, and
    both coverages. Neither: kl (nats per image, and per dimension; near 0 is collapse), the two bounds of the mutual
    information (nats; near 0 is collapse), the aggregated posterior per dimension (mean and E[sigma²] + Var[mu]; 0 and
    1 equal the prior). occupancy: whether the prior samples where the images' codes are. traversals: which active units
    and lines between codes the decoder ignores, or jumps along.

    A VAE has no codes, a VQ-VAE neither posterior nor likelihood, an autoencoder neither of them but active units:
    what its kind has not is None, and so is what an older release did not measure, what a set is too small for, or
    nobody asked for (groups, the worst first; fd_samples_at_infinity). fd_samples_standard draws from N(0, I),
    fd_samples_mixture from the fitted mixture, fd_samples_codes from the prior over codes; the other figures of
    samples are of the version's own, see `fd_samples`. fd_floor is real against real: the benchmark against an
    independent set, or its two halves (then of half the n).
    """

    model_config = FORM

    schema_version: Literal[1] = 1
    n_images: int
    n_samples: int
    seed: int
    thorough: bool = False
    data_digest: str
    extractor_digest: str

    recon_error: float
    recon_error_low: float
    recon_error_high: float
    recon_error_p50: float
    recon_error_p99: float
    recon_error_baseline: float
    explained_variance: float
    psnr_db: MeanScore | None = None
    ssim: MeanScore | None = None
    groups: tuple[GroupScore, ...] | None = None

    likelihood: LikelihoodName | None = "bernoulli"
    neg_elbo: float | None = None
    neg_elbo_low: float | None = None
    neg_elbo_high: float | None = None
    nll: NllScore | None = None

    kl: float | None = None
    latent_dim: int
    active_units: int | None = None
    inactive_dims: tuple[int, ...] | None = None
    kl_per_dim: tuple[float, ...] | None = None
    mu_variance_per_dim: tuple[float, ...] | None = None
    posterior_mean_per_dim: tuple[float, ...] | None = None
    posterior_variance_per_dim: tuple[float, ...] | None = None
    mutual_information_lower: MeanScore | None = None
    mutual_information_upper: MeanScore | None = None
    mmd_prior: UnbiasedScore | None = None
    occupancy: OccupancyScore | None = None
    traversals: TraversalScore | None = None

    codes: int | None = None
    tokens: int | None = None
    codes_used: int | None = None
    code_perplexity: float | None = None
    code_distance: float | None = None
    code_distance_low: float | None = None
    code_distance_high: float | None = None

    fd_reconstructions: FrechetScore
    fd_samples_standard: FrechetScore | None
    fd_samples_mixture: FrechetScore | None
    fd_samples_codes: FrechetScore | None = None
    fd_samples_at_infinity: UnbiasedScore | None = None
    fd_floor: FrechetScore
    fd_floor_kind: Literal["independent_set", "two_halves"]
    kid_samples: UnbiasedScore | None = None
    coverage_reconstructions: CoverageScore | None = None
    coverage_samples: CoverageScore | None = None

    @model_validator(mode="after")
    def _is_of_one_family(self) -> Self:
        if family_telling(self) is None:
            known = ", or ".join(f"{' and '.join(each.figures)} of a {each.variant}" for each in FAMILIES.values())
            came = {name: getattr(self, name) for each in FAMILIES.values() for name in each.figures}
            raise ValueError(f"expected {known} and nothing else of these, came {came}; evaluate the model again")
        return self

    @property
    def family(self) -> Family[Any, Any]:
        """The family of the model that was evaluated."""
        found = family_telling(self)
        assert found is not None, "a result is of one family"
        return found

    def figure(self, name: str) -> Any:
        """A figure that its family has, or a plain one; DataError where this family has none of it."""
        found = getattr(self, name)
        if found is None:
            raise DataError(f"benchmark: {name} is no figure of a {self.family.variant}; ask for one of its own")
        return found

    @property
    def fd_samples(self) -> FrechetScore | None:
        """The distance of the samples that the version would give: from its mixture or codes' prior, else N(0, I).

        None for a VQ-VAE without a prior over its codes: it has no honest samples.
        """
        return self.fd_samples_mixture or self.fd_samples_codes or self.fd_samples_standard

    @property
    def worst_group(self) -> GroupScore | None:
        """The group of the largest recon_error among those of enough images to be judged; None where none is."""
        return next((group for group in self.groups or () if group.low is not None), None)

    @property
    def least_covered_group(self) -> GroupScore | None:
        """The group that samples cover least, among those of 30 images or more; None where nothing was sampled."""
        known = [
            (group.coverage.value, place, group)
            for place, group in enumerate(self.groups or ())
            if group.coverage is not None and group.coverage.n >= SMALLEST_GROUP
        ]
        return min(known)[2] if known else None

    def metrics(self) -> dict[str, float]:
        """Flatten to numbers for a tracking server, without what is None; fd_NAME alone is `fd_samples`."""
        metrics = {name: float(value) for name in PLAIN if (value := getattr(self, name)) is not None}
        space = self.fd_reconstructions.feature_space
        for name, score in self._scores(space).items():
            if score is not None:
                metrics |= {name: score.value, f"{name}_low": score.low, f"{name}_high": score.high}
        for suffix, shares in (("reconstructions", self.coverage_reconstructions), ("samples", self.coverage_samples)):
            if shares is not None:
                found = {"density": shares.density, "coverage": shares.coverage, "coverage_n": shares.n_real}
                metrics |= {f"{name}_{space}_{suffix}": float(value) for name, value in found.items()}
        if self.traversals is not None:
            metrics |= self.traversals.metrics()
        if (worst := self.worst_group) is not None:
            metrics["recon_error_worst_group"] = worst.recon_error
        if (least := self.least_covered_group) is not None and least.coverage is not None:
            metrics[f"coverage_{space}_least_covered_group"] = least.coverage.value
        if self.occupancy is not None:
            metrics |= {"occupancy_distance": self.occupancy.distance, "occupancy_floor": self.occupancy.floor_p95}
        return metrics

    def _scores(self, space: str) -> dict[str, FrechetScore | MeanScore | UnbiasedScore | NllScore | None]:
        """Whatever has a value and an interval, by the name that a tracking server gets; n and k are in the names."""
        kid, nll, information = self.kid_samples, self.nll, self.mutual_information_lower
        return {
            f"fd_{space}": self.fd_samples,
            f"fd_{space}_reconstructions": self.fd_reconstructions,
            f"fd_{space}_samples_standard": self.fd_samples_standard,
            f"fd_{space}_samples_mixture": self.fd_samples_mixture,
            f"fd_{space}_samples_codes": self.fd_samples_codes,
            f"fd_{space}_samples_at_infinity": self.fd_samples_at_infinity,
            f"fd_{space}_floor": self.fd_floor,
            f"kid_{space}_samples_n{kid.n_fake if kid else 0}": kid,
            "psnr_db": self.psnr_db,
            "ssim": self.ssim,
            f"nll_k{nll.k if nll else 0}_n{nll.n if nll else 0}": nll,
            f"mutual_information_lower_n{information.n if information else 0}": information,
            "mutual_information_upper": self.mutual_information_upper,
            "mmd_prior": self.mmd_prior,
        }
