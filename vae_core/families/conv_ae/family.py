"""What the deterministic autoencoder answers: a code that is a point, so neither KL nor posterior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from vae_core.families.columns import Column
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_vae.config import LikelihoodName
from vae_core.families.units import UsedUnits, active_units

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vae_core.config import TrainConfig
    from vae_core.evaluation.benchmark_result import BenchmarkResult
    from vae_core.evaluation.effort import Effort
    from vae_core.evaluation.images.sample_sources import SampleSource
    from vae_core.families.conv_ae.figures import CodeSpread
    from vae_core.families.conv_ae.model import ConvAe
    from vae_core.families.scores import ImageScores, Scores
    from vae_core.priors.sampling import SamplingPrior
    from vae_core.ranks import Ranks
    from vae_core.reference import Reference
    from vae_core.training.health.events import TrainEvent
    from vae_core.training.health.progress import TrainProgress
    from vae_core.training.objectives.objective import Objective


class ConvAeFamily:
    """A baseline to compare with: versions never hold it."""

    variant = "conv_ae"
    config = ConvAeConfig
    is_served = False
    held_out_loss: Final = "nll"
    has_kl = False
    columns: tuple[Column, ...] = ()
    reported = ("nll",)
    figures = ("active_units",)

    def likelihood_of(self, config: ConvAeConfig) -> LikelihoodName:
        """Its network's."""
        return config.likelihood

    def outline(self, config: ConvAeConfig) -> ConvAe:
        """Its layers."""
        from vae_core.families.conv_ae.model import ConvAe

        return ConvAe(config)

    def make_objective(self, model: ConvAe, config: TrainConfig, ranks: Ranks) -> Objective:
        """The NLL at its codes."""
        from vae_core.families.conv_ae.objective import AeObjective

        return AeObjective(model, config, ranks)

    def say_progress(self, progress: TrainProgress) -> str:
        """The NLL."""
        return f"NLL {progress.nll:.1f} nats"

    def freeze(self, model: ConvAe, config: TrainConfig) -> None:
        """The decoder alone moves."""
        from vae_core.training.warm_start import freeze_encoder

        freeze_encoder(model)

    def is_begun(self, model: ConvAe) -> bool:
        """Always."""
        return True

    def smallest_fall(self, loss: float, config: TrainConfig) -> float:
        """In nats, as the recipe says."""
        return config.min_delta_nats

    def shrink(self, config: ConvAeConfig, trouble: TrainEvent) -> None:
        """Nothing of it can collapse onto a prior."""
        return None

    def with_posterior(self, model: ConvAe) -> None:
        """Its codes are points."""
        return None

    def with_likelihood(self, model: ConvAe) -> ConvAe:
        """It has one."""
        return model

    def with_codes(self, model: ConvAe) -> None:
        """Its codes are vectors."""
        return None

    def code_grid(self, config: ConvAeConfig) -> None:
        """Its codes are vectors."""
        return None

    def find_batch_problem(self, config: ConvAeConfig, batch_size: int) -> None:
        """None: any batch will do."""
        return None

    def score(self, model: ConvAe, pixels: np.ndarray, device: str) -> Scores:
        """At the codes."""
        from vae_core.families.conv_ae.scores import score_codes

        return score_codes(model, pixels, device)

    def measure_columns(
        self, model: ConvAe, pixels: np.ndarray, scores: Scores, generator: torch.Generator, device: str
    ) -> dict[str, np.ndarray]:
        """The codes."""
        return {"mu": scores.mu}

    def measure_figures(
        self,
        model: ConvAe,
        pixels: np.ndarray,
        scores: ImageScores,
        sources: Sequence[SampleSource],
        effort: Effort,
        *,
        seed: int,
        device: str,
        on_progress: Callable[[int], None],
    ) -> CodeSpread:
        """How its codes are spread."""
        from vae_core.families.conv_ae.figures import measure_code_spread

        spread = measure_code_spread(scores.column("mu"))
        on_progress(len(pixels))
        return spread

    def used_units(self, result: BenchmarkResult) -> UsedUnits:
        """Active dimensions of its vector."""
        return active_units(result.active_units, result.latent_dim)

    def describe_use(self, result: BenchmarkResult) -> str:
        """Of its units."""
        return f"uses {result.active_units} of {result.latent_dim} latent units"

    def tell_figures(self, result: BenchmarkResult) -> tuple[tuple[str, str], ...]:
        """The units."""
        return (("active units", f"{result.active_units} of {result.latent_dim}"),)

    def find_sources(self, model: ConvAe, prior: SamplingPrior | None) -> tuple[SampleSource, ...]:
        """The mixture where one was fitted: where its codes lie is not known before they are looked at."""
        from vae_core.evaluation.images.sample_sources import mixture_sources

        return mixture_sources(model, prior)

    def require_prior(self, prior: SamplingPrior, config: ConvAeConfig) -> None:
        """A mixture of the model's dimensions."""
        from vae_core.priors.sampling import require_mixture

        require_mixture(prior, config.variant, config.latent_dim)

    def prior_nats(self, prior: SamplingPrior | None, reference: Reference | None) -> None:
        """A mixture counts no codes."""
        return None

    def decode(self, model: ConvAe, codes: torch.Tensor) -> torch.Tensor:
        """Codes z (N, D)."""
        return model.decode(codes)

    def find_problem(self, reference: Reference, config: ConvAeConfig) -> str | None:
        """A grid of codes is another family's."""
        return reference.find_foreign_grid(None)

    def worst_deviation(self, deviations: np.ndarray) -> float:
        """That of the image that deviates most."""
        return float(deviations.max())
