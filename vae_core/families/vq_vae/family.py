"""What the convolutional VQ-VAE answers: a grid of codes, no KL, and a prior over codes to sample from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from vae_core.families.columns import CODE_DISTANCE, CODES
from vae_core.families.units import UsedUnits
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.shrink import smaller_codebook

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vae_core.config import TrainConfig
    from vae_core.evaluation.benchmark_result import BenchmarkResult
    from vae_core.evaluation.effort import Effort
    from vae_core.evaluation.images.sample_sources import SampleSource
    from vae_core.families.scores import ImageScores, Scores
    from vae_core.families.vq_vae.figures import CodeUse
    from vae_core.families.vq_vae.model import VqVae
    from vae_core.priors.sampling import SamplingPrior
    from vae_core.ranks import Ranks
    from vae_core.reference import Reference
    from vae_core.training.health.events import TrainEvent
    from vae_core.training.health.progress import TrainProgress
    from vae_core.training.objectives.objective import Objective

SMALLEST_FALL = 1e-3
"""Share of the best squared error, by which a look must be lower to be an improvement."""


class VqVaeFamily:
    """Its incremental tier moves codebook and decoder; the codes keep their places."""

    variant = "vq_vae"
    config = VqVaeConfig
    is_served = True
    held_out_loss: Final = "squared_error"
    has_kl = False
    columns = (CODES, CODE_DISTANCE)
    reported = ("squared_error", "commitment", "codes_used", "perplexity")
    figures = ("codes", "codes_used")

    def likelihood_of(self, config: VqVaeConfig) -> None:
        """None: it is trained on the squared error and promises none."""
        return None

    def outline(self, config: VqVaeConfig) -> VqVae:
        """Its layers and its quantiser."""
        from vae_core.families.vq_vae.model import VqVae

        return VqVae(config)

    def make_objective(self, model: VqVae, config: TrainConfig, ranks: Ranks) -> Objective:
        """Squared error and commitment, and codes that follow."""
        from vae_core.families.vq_vae.objective import VqVaeObjective

        return VqVaeObjective(model, config, ranks)

    def say_progress(self, progress: TrainProgress) -> str:
        """The error, and the use of the codebook."""
        return (
            f"squared error {progress.squared_error:.2f}, {progress.codes_used:,} codes used, "
            f"perplexity {progress.perplexity:.0f}"
        )

    def freeze(self, model: VqVae, config: TrainConfig) -> None:
        """The codebook moves at a decay of its own, beside the decoder."""
        from vae_core.training.warm_start import freeze_encoder

        freeze_encoder(model)
        model.quantiser.keep_codes(config.codebook_decay)

    def is_begun(self, model: VqVae) -> bool:
        """Whether its codes have."""
        return model.has_codes

    def smallest_fall(self, loss: float, config: TrainConfig) -> float:
        """A share of the loss: a squared error is not in nats."""
        return SMALLEST_FALL * loss

    def shrink(self, config: VqVaeConfig, trouble: TrainEvent) -> VqVaeConfig | None:
        """A codebook of the size that was used, where some of it lay idle."""
        return None if trouble.codes is None else smaller_codebook(config, trouble.codes.used)

    def with_posterior(self, model: VqVae) -> None:
        """It has a code for an image, and no distribution of codes."""
        return None

    def with_likelihood(self, model: VqVae) -> None:
        """It has none of ours."""
        return None

    def with_codes(self, model: VqVae) -> VqVae:
        """It has them."""
        return model

    def code_grid(self, config: VqVaeConfig) -> VqVaeConfig:
        """As its config says."""
        return config

    def find_batch_problem(self, config: VqVaeConfig, batch_size: int) -> str | None:
        """k-means needs a token of the first batch for each of its codes."""
        height, width = config.grid
        tokens = batch_size * height * width
        if config.quantizer == "fsq" or tokens >= config.codebook_size:
            return None
        return (
            f"codebook_size {config.codebook_size} is more than the {tokens} tokens of a batch of "
            f"{batch_size} images ({height} x {width} each); use a smaller codebook or a larger full.batch_size"
        )

    def score(self, model: VqVae, pixels: np.ndarray, device: str) -> Scores:
        """At the codes."""
        from vae_core.families.vq_vae.scores import score_grids

        return score_grids(model, pixels, device)

    def measure_columns(
        self, model: VqVae, pixels: np.ndarray, scores: Scores, generator: torch.Generator, device: str
    ) -> dict[str, np.ndarray]:
        """The grids, and how far the vectors are from them."""
        return {"codes": scores.column("codes"), "code_distance": scores.column("code_distance")}

    def measure_figures(
        self,
        model: VqVae,
        pixels: np.ndarray,
        scores: ImageScores,
        sources: Sequence[SampleSource],
        effort: Effort,
        *,
        seed: int,
        device: str,
        on_progress: Callable[[int], None],
    ) -> CodeUse:
        """How it uses its codebook."""
        from vae_core.families.vq_vae.figures import measure_code_use

        codes, distances = scores.column("codes"), scores.column("code_distance")
        found = measure_code_use(codes, distances, model.config.codes)
        on_progress(len(pixels))
        return found

    def used_units(self, result: BenchmarkResult) -> UsedUnits:
        """Used codes, of those that the images have tokens for."""
        assert result.codes is not None and result.codes_used is not None, "its figures"
        # of few images not every code can be used; results of older releases do not say how many tokens they had
        usable = result.codes if result.tokens is None else min(result.codes, result.tokens)
        return UsedUnits("codes_used", result.codes_used, usable)

    def describe_use(self, result: BenchmarkResult) -> str:
        """Of its codebook."""
        return f"uses {result.codes_used:,} of {result.codes:,} codes"

    def tell_figures(self, result: BenchmarkResult) -> tuple[tuple[str, str], ...]:
        """The use of its codebook."""
        return (
            ("codes used", f"{result.codes_used:,} of {result.codes:,}"),
            ("perplexity of the codes", f"{result.code_perplexity:.1f}"),
        )

    def find_sources(self, model: VqVae, prior: SamplingPrior | None) -> tuple[SampleSource, ...]:
        """The prior over its codes; codes without one are noise to the decoder."""
        from vae_core.evaluation.images.sample_sources import code_sources

        return code_sources(model, prior)

    def require_prior(self, prior: SamplingPrior, config: VqVaeConfig) -> None:
        """One over a grid and a codebook of these sizes."""
        from vae_core.priors.sampling import require_code_prior

        require_code_prior(prior, config.variant, config.grid, config.codes)

    def prior_nats(self, prior: SamplingPrior | None, reference: Reference | None) -> float | None:
        """Of the reference's codes, by a prior over codes."""
        from vae_core.priors.sampling import mean_code_nats

        if prior is None or reference is None:
            return None
        return mean_code_nats(prior, reference.column("codes"))

    def decode(self, model: VqVae, codes: torch.Tensor) -> torch.Tensor:
        """Indices (N, h, w) int64."""
        return model.decode_codes(codes)

    def find_problem(self, reference: Reference, config: VqVaeConfig) -> str | None:
        """Another grid, or codes that the codebook has not."""
        if problem := reference.find_foreign_grid(config.grid):
            return problem
        largest = int(reference.column("codes").max())
        if largest >= config.codes:
            return f"code {largest}, the model has {config.codes}"
        return None

    def worst_deviation(self, deviations: np.ndarray) -> float:
        """The median image's: rounding may give a token a code that is as near, which moves one image by a percent."""
        import numpy as np

        return float(np.median(deviations))
