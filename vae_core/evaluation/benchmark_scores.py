"""The numbers of an evaluation with their n and interval, as they go into JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from vae_core.evaluation.distances.density_coverage import SampleCoverage, expected_coverage
from vae_core.evaluation.distances.fid_infinity import FrechetLimit
from vae_core.evaluation.distances.frechet_interval import FrechetEstimate
from vae_core.evaluation.distances.kid import KidEstimate
from vae_core.evaluation.distances.mmd import Mmd
from vae_core.evaluation.likelihood.importance_nll import ImportanceNll
from vae_core.evaluation.mean_estimate import MeanEstimate

SMALLEST_N = 5000
"""Below it the bias of a distance is of the order of what one wants to see (measured at 1,280 features)."""

FORM = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FrechetScore(BaseModel):
    """A squared Fréchet distance in a named feature space; lower is better, down to the floor of real images.

    low and high bound the estimate at this n (95 %); its bias is not in them, so compare only equal n.
    n_too_small: a set has fewer than 5,000 images or no more images than features, the value is mostly bias.
    """

    model_config = FORM

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


class MeanScore(BaseModel):
    """A mean over n images, or a share of them, with its 95 % interval; the field that holds it says what is better."""

    model_config = FORM

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, estimate: MeanEstimate) -> MeanScore:
        """Take a mean and its interval."""
        return cls(value=estimate.mean, low=estimate.low, high=estimate.high, n=estimate.n)


class UnbiasedScore(BaseModel):
    """A squared distance without bias and its 95 % interval: lower is better; it may be below 0 between equal sets."""

    model_config = FORM

    value: float
    standard_error: float
    low: float
    high: float
    n_real: int
    n_fake: int

    @classmethod
    def of(cls, found: KidEstimate | FrechetLimit | Mmd, n_real: int, n_fake: int) -> UnbiasedScore:
        """Take an estimate between so many real images, or their codes, and so many samples."""
        return cls(
            value=found.value,
            standard_error=found.standard_error,
            low=found.low,
            high=found.high,
            n_real=n_real,
            n_fake=n_fake,
        )


class CoverageScore(BaseModel):
    """Density, coverage, precision and recall by the k nearest neighbours: higher is better each; compare equal n only.

    Between equal distributions density is 1 in the mean and coverage `expected_coverage`. Reconstructions lie beside
    their own images, so they cover more than samples can.
    """

    model_config = FORM

    density: float
    coverage: float
    precision: float
    recall: float
    expected_coverage: float
    k: int
    n_real: int
    n_fake: int

    @classmethod
    def of(cls, found: SampleCoverage) -> CoverageScore:
        """Take the four shares; groups are told elsewhere."""
        return cls(
            density=found.density,
            coverage=found.coverage,
            precision=found.precision,
            recall=found.recall,
            expected_coverage=expected_coverage(found.n_real, found.n_samples, found.k),
            k=found.k,
            n_real=found.n_real,
            n_fake=found.n_samples,
        )


class NllScore(BaseModel):
    """-log p(x) of n images by k importance samples each, nats per image: lower is better, an upper bound in the mean.

    The interval is that of the images. ess_mean: effective samples of k, higher is better; few make the bound loose.
    """

    model_config = FORM

    value: float
    low: float
    high: float
    n: int
    k: int
    ess_mean: float
    draws_standard_error: float

    @classmethod
    def of(cls, found: ImportanceNll) -> NllScore:
        """Take the mean and what it rests on."""
        mean = found.nll
        return cls(
            value=mean.mean, low=mean.low, high=mean.high, n=found.n, k=found.k,
            ess_mean=found.ess_mean, draws_standard_error=found.draws_standard_error,
        )  # fmt: skip


class OccupancyScore(BaseModel):
    """How a prior's samples and images' codes fill cells of the code space: whether it samples where the codes are.

    used: cells with at least one, higher is better of samples. perplexity: exp of the entropy of the shares, 1 (all in
    one cell) to `cells`. distance: Jensen-Shannon of both histograms, on [0, 1], lower is better; floor_mean and
    floor_p95 are its mean and its 95 % quantile where only chance tells images and samples apart.
    """

    model_config = FORM

    cells: int
    n_images: int
    n_samples: int
    used_by_images: int
    used_by_samples: int
    perplexity_of_images: float
    perplexity_of_samples: float
    distance: float
    floor_mean: float
    floor_p95: float


class GroupScore(BaseModel):
    """One class or cluster: n images, their mean recon_error (lower is better), with its interval where n is enough.

    The intervals of all groups hold together at 95 %. ratio: over the mean error of all images, above 1 is worse than
    the whole, None where that is 0. coverage: share of its images that samples cover, higher is better, of its own n.
    """

    model_config = FORM

    group: str
    n: int
    recon_error: float
    low: float | None
    high: float | None
    ratio: float | None
    coverage: MeanScore | None
