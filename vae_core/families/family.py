"""What every family of models answers, so that nothing else asks which one it has before it.

A family is a folder beside this file. Its record here names it and is light; networks, losses and figures are loaded
by the methods that need them, so that whoever only reads a config loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import Field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import BaseModel

from vae_core.families.columns import Column

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vae_core.config import TrainConfig
    from vae_core.evaluation.benchmark_result import BenchmarkResult
    from vae_core.evaluation.effort import Effort
    from vae_core.evaluation.images.sample_sources import SampleSource
    from vae_core.families.conv_vae.config import LikelihoodName
    from vae_core.families.scores import ImageScores, Scores
    from vae_core.families.units import UsedUnits
    from vae_core.families.variants import CodedModel, LikelihoodModel, PosteriorModel
    from vae_core.priors.sampling import SamplingPrior
    from vae_core.ranks import Ranks
    from vae_core.reference import Reference
    from vae_core.training.health.events import TrainEvent
    from vae_core.training.health.progress import TrainProgress
    from vae_core.training.objectives.objective import Objective

Config = TypeVar("Config")
Model = TypeVar("Model")


class Figures(Protocol):
    """A dataclass of figures, by the names that a `BenchmarkResult` has for them."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class CodeGrid(Protocol):
    """The codes of an image: (h, w) of them, each of K."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        ...

    @property
    def codes(self) -> int:
        """K, the size of the alphabet."""
        ...


class Family(Protocol[Config, Model]):
    """One family of models: its words, its networks, and how they are trained, scored, sampled and judged."""

    @property
    def variant(self) -> str:
        """The word of its configs."""
        ...

    @property
    def config(self) -> type[BaseModel]:
        """Of its configs, whose `variant` is its word."""
        ...

    @property
    def is_served(self) -> bool:
        """Whether versions may hold it; a baseline is only trained and measured."""
        ...

    @property
    def held_out_loss(self) -> Literal["neg_elbo", "nll", "squared_error"]:
        """What a training watches on held-out images."""
        ...

    @property
    def has_kl(self) -> bool:
        """Whether its loss weighs a KL, which may collapse, be bounded, and rank snapshots."""
        ...

    @property
    def columns(self) -> tuple[Column, ...]:
        """What its scores have beside those of all families."""
        ...

    @property
    def reported(self) -> tuple[str, ...]:
        """What a `TrainProgress` of it has, and one of another family need not have."""
        ...

    @property
    def figures(self) -> tuple[str, ...]:
        """What a `BenchmarkResult` of it always has, and one of another family need not have."""
        ...

    def likelihood_of(self, config: Config) -> LikelihoodName | None:
        """What a version promises of its likelihood; None where it has none."""
        ...

    def outline(self, config: Config) -> Model:
        """The model, on whatever device is the default, with no values in its weights."""
        ...

    def make_objective(self, model: Model, config: TrainConfig, ranks: Ranks) -> Objective:
        """What its training minimises."""
        ...

    def say_progress(self, progress: TrainProgress) -> str:
        """What it reports, in words."""
        ...

    def freeze(self, model: Model, config: TrainConfig) -> None:
        """Leave to the incremental tier what it may move: everything behind the codes."""
        ...

    def is_begun(self, model: Model) -> bool:
        """Whether it can score images; a codebook cannot before its codes have begun."""
        ...

    def smallest_fall(self, loss: float, config: TrainConfig) -> float:
        """By how much a held-out loss must be lower than this one to be an improvement, in its unit."""
        ...

    def shrink(self, config: Config, trouble: TrainEvent) -> Config | None:
        """The same model, smaller where the trouble comes from, or None where that helps nothing."""
        ...

    def with_posterior(self, model: Model) -> PosteriorModel | None:
        """The model, where it has a Gaussian posterior, whose codes can be drawn and moved; else None."""
        ...

    def with_likelihood(self, model: Model) -> LikelihoodModel | None:
        """The model, where it has one of our likelihoods; else None."""
        ...

    def with_codes(self, model: Model) -> CodedModel | None:
        """The model, where it has a grid of codes, over which a prior is fitted; else None."""
        ...

    def code_grid(self, config: Config) -> CodeGrid | None:
        """The codes that such a prior is over; None where there are none."""
        ...

    def find_batch_problem(self, config: Config, batch_size: int) -> str | None:
        """Why a training from scratch cannot begin with batches of so many images, or None."""
        ...

    def score(self, model: Model, pixels: np.ndarray, device: str) -> Scores:
        """Score pixels uint8 (B, C, H, W) in one pass, in eval mode."""
        ...

    def measure_columns(
        self, model: Model, pixels: np.ndarray, scores: Scores, generator: torch.Generator, device: str
    ) -> dict[str, np.ndarray]:
        """What an evaluation needs of the images beside their errors, by its names in `ImageScores`."""
        ...

    def measure_figures(
        self,
        model: Model,
        pixels: np.ndarray,
        scores: ImageScores,
        sources: Sequence[SampleSource],
        effort: Effort,
        *,
        seed: int,
        device: str,
        on_progress: Callable[[int], None],
    ) -> Figures:
        """What an evaluation says of this family alone; `on_progress` hears the number of images at the end."""
        ...

    def used_units(self, result: BenchmarkResult) -> UsedUnits:
        """How much of its code it uses, as the gate is told."""
        ...

    def describe_use(self, result: BenchmarkResult) -> str:
        """The same as the end of a sentence about the model."""
        ...

    def tell_figures(self, result: BenchmarkResult) -> tuple[tuple[str, str], ...]:
        """Its most telling figures, each by its name, for a person."""
        ...

    def find_sources(self, model: Model, prior: SamplingPrior | None) -> tuple[SampleSource, ...]:
        """Whatever the model can be sampled from, the version's own prior last; DataError for a foreign prior."""
        ...

    def require_prior(self, prior: SamplingPrior, config: Config) -> None:
        """ArtifactError unless the prior is over the codes of a model of this config."""
        ...

    def prior_nats(self, prior: SamplingPrior | None, reference: Reference | None) -> float | None:
        """What a prior over codes needs for one code of the reference's images, nats; None where there is none."""
        ...

    def decode(self, model: Model, codes: torch.Tensor) -> torch.Tensor:
        """Mean images (N, C, H, W) on [0, 1] of codes as a prior draws them, on the model's device."""
        ...

    def find_problem(self, reference: Reference, config: Config) -> str | None:
        """What of a reference cannot be of a model of this config, beyond the width of its codes."""
        ...

    def worst_deviation(self, deviations: np.ndarray) -> float:
        """One number for the relative deviations (G,) of golden errors."""
        ...
