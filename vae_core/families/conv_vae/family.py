"""What the convolutional VAE answers: a Gaussian posterior, a KL that may collapse, a mixture to sample from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from vae_core.families.columns import KL, LOGVAR
from vae_core.families.conv_vae.config import ConvVaeConfig, LikelihoodName
from vae_core.families.units import UsedUnits, active_units

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vae_core.config import TrainConfig
    from vae_core.evaluation.benchmark_result import BenchmarkResult
    from vae_core.evaluation.effort import Effort
    from vae_core.evaluation.images.sample_sources import SampleSource
    from vae_core.families.conv_vae.figures import PosteriorFigures
    from vae_core.families.conv_vae.model import ConvVae
    from vae_core.families.scores import ImageScores, Scores
    from vae_core.priors.sampling import SamplingPrior
    from vae_core.ranks import Ranks
    from vae_core.reference import Reference
    from vae_core.training.health.events import TrainEvent
    from vae_core.training.health.progress import TrainProgress
    from vae_core.training.objectives.objective import Objective


class ConvVaeFamily:
    """Its incremental tier moves the decoder under the same posteriors, bit for bit."""

    variant = "conv_vae"
    config = ConvVaeConfig
    is_served = True
    held_out_loss: Final = "neg_elbo"
    has_kl = True
    columns = (LOGVAR, KL)
    reported = ("neg_elbo", "nll", "kl", "beta")
    figures = ("active_units", "neg_elbo", "kl")

    def likelihood_of(self, config: ConvVaeConfig) -> LikelihoodName:
        """Its config's."""
        return config.likelihood

    def outline(self, config: ConvVaeConfig) -> ConvVae:
        """Its layers."""
        from vae_core.families.conv_vae.model import ConvVae

        return ConvVae(config)

    def make_objective(self, model: ConvVae, config: TrainConfig, ranks: Ranks) -> Objective:
        """The weighted evidence lower bound."""
        from vae_core.families.conv_vae.objective import VaeObjective

        return VaeObjective(model, config, ranks)

    def say_progress(self, progress: TrainProgress) -> str:
        """The bound and its KL."""
        return f"−ELBO {progress.neg_elbo:.1f}, KL {progress.kl:.1f} nats"

    def freeze(self, model: ConvVae, config: TrainConfig) -> None:
        """The decoder alone moves."""
        from vae_core.training.warm_start import freeze_encoder

        freeze_encoder(model)

    def is_begun(self, model: ConvVae) -> bool:
        """Always."""
        return True

    def smallest_fall(self, loss: float, config: TrainConfig) -> float:
        """In nats, as the recipe says."""
        return config.min_delta_nats

    def shrink(self, config: ConvVaeConfig, trouble: TrainEvent) -> ConvVaeConfig | None:
        """A decoder of half the channels: one that is strong enough can do without its codes."""
        return config.smaller_decoder()

    def with_posterior(self, model: ConvVae) -> ConvVae:
        """It has one."""
        return model

    def with_likelihood(self, model: ConvVae) -> ConvVae:
        """It has one."""
        return model

    def with_codes(self, model: ConvVae) -> None:
        """Its codes are vectors."""
        return None

    def code_grid(self, config: ConvVaeConfig) -> None:
        """Its codes are vectors."""
        return None

    def find_batch_problem(self, config: ConvVaeConfig, batch_size: int) -> None:
        """None: any batch will do."""
        return None

    def score(self, model: ConvVae, pixels: np.ndarray, device: str) -> Scores:
        """At the posterior's mean."""
        from vae_core.families.conv_vae.scores import score_posteriors

        return score_posteriors(model, pixels, device)

    def measure_columns(
        self, model: ConvVae, pixels: np.ndarray, scores: Scores, generator: torch.Generator, device: str
    ) -> dict[str, np.ndarray]:
        """The -ELBO of one draw of z, and the posteriors."""
        from vae_core.families.conv_vae.scores import measure_neg_elbo

        neg_elbo = measure_neg_elbo(model, pixels, scores, generator, device)
        return {"neg_elbo": neg_elbo, "mu": scores.mu, "logvar": scores.column("logvar")}

    def measure_figures(
        self,
        model: ConvVae,
        pixels: np.ndarray,
        scores: ImageScores,
        sources: Sequence[SampleSource],
        effort: Effort,
        *,
        seed: int,
        device: str,
        on_progress: Callable[[int], None],
    ) -> PosteriorFigures:
        """The ELBO and its parts, the codes, and the likelihood itself."""
        from vae_core.families.conv_vae.figures import measure_posteriors

        return measure_posteriors(
            model, pixels, scores, sources[-1], effort, seed=seed, device=device, on_progress=on_progress
        )

    def used_units(self, result: BenchmarkResult) -> UsedUnits:
        """Active dimensions of its vector."""
        return active_units(result.active_units, result.latent_dim)

    def describe_use(self, result: BenchmarkResult) -> str:
        """Of its units."""
        return f"uses {result.active_units} of {result.latent_dim} latent units"

    def tell_figures(self, result: BenchmarkResult) -> tuple[tuple[str, str], ...]:
        """The bound, its KL, and the units."""
        return (
            ("−ELBO, KL", f"{result.neg_elbo:.1f}, {result.kl:.1f} nats"),
            ("active units", f"{result.active_units} of {result.latent_dim}"),
        )

    def find_sources(self, model: ConvVae, prior: SamplingPrior | None) -> tuple[SampleSource, ...]:
        """N(0, I), and the mixture where one was fitted."""
        from vae_core.evaluation.images.sample_sources import SampleSource, mixture_sources

        return (SampleSource("standard", model.latent_dim, None), *mixture_sources(model, prior))

    def require_prior(self, prior: SamplingPrior, config: ConvVaeConfig) -> None:
        """A mixture of the model's dimensions."""
        from vae_core.priors.sampling import require_mixture

        require_mixture(prior, config.variant, config.latent_dim)

    def prior_nats(self, prior: SamplingPrior | None, reference: Reference | None) -> None:
        """A mixture counts no codes."""
        return None

    def decode(self, model: ConvVae, codes: torch.Tensor) -> torch.Tensor:
        """Codes z (N, D)."""
        return model.decode(codes)

    def find_problem(self, reference: Reference, config: ConvVaeConfig) -> str | None:
        """A grid of codes is another family's."""
        return reference.find_foreign_grid(None)

    def worst_deviation(self, deviations: np.ndarray) -> float:
        """That of the image that deviates most."""
        return float(deviations.max())
