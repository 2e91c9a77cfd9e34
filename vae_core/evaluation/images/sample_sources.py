"""Where samples of a model come from: the priors that it has, and codes drawn from each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from vae_core.errors import DataError
from vae_core.evaluation.features.real_features import CHUNK
from vae_core.families.variants import MeasuredModel
from vae_core.priors.code_prior import CodePrior
from vae_core.priors.sampling import SamplingPrior
from vae_core.priors.standard_normal import sample_standard_normal

SourceName = Literal["standard", "mixture", "codes"]

CODES_AT_ONCE = 64
"""Drawn from a prior over codes on a processor, between two calls of a progress callback; as quick as 512 there."""

STAGES: dict[SourceName, str] = {
    "standard": "samples from N(0, I)",
    "mixture": "samples from the mixture",
    "codes": "samples from the prior over codes",
}


@dataclass(frozen=True, slots=True, eq=False)
class SampleSource:
    """N(0, I) of so many dimensions where there is no prior; else the prior."""

    name: SourceName
    latent_dim: int
    prior: SamplingPrior | None

    @property
    def stage(self) -> str:
        """What an evaluation is doing while it draws from here, in words."""
        return STAGES[self.name]

    def draw(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Draw n codes: (n, D) float32, or indices (n, h, w) int64 of a prior over codes."""
        if self.prior is None:
            return sample_standard_normal(n, self.latent_dim, generator)
        return self.prior.sample(n, generator)

    def draw_chunks(self, n: int, seed: int) -> Iterator[torch.Tensor]:
        """Draw n codes from a generator of this seed, a chunk at a time; all of them as `draw` would."""
        generator = torch.Generator().manual_seed(seed)
        if isinstance(self.prior, CodePrior):
            # its draws take longer than what is made of them, and parts of them are the same as all at once
            at_once = CODES_AT_ONCE if self.prior.device.type == "cpu" else CHUNK
            for start in range(0, n, at_once):
                yield self.draw(min(at_once, n - start), generator)
        else:
            yield from torch.split(self.draw(n, generator), CHUNK)


def mixture_sources(model: MeasuredModel, prior: SamplingPrior | None) -> tuple[SampleSource, ...]:
    """A mixture over a model's vectors, where one was fitted; DataError for a prior over codes."""
    if isinstance(prior, CodePrior):
        raise _foreign(model, "a mixture", prior)
    return () if prior is None else (SampleSource("mixture", model.latent_dim, prior),)


def code_sources(model: MeasuredModel, prior: SamplingPrior | None) -> tuple[SampleSource, ...]:
    """A prior over a model's codes, where one was fitted; DataError for one over vectors."""
    if prior is not None and not isinstance(prior, CodePrior):
        raise _foreign(model, "a prior over codes", prior)
    return () if prior is None else (SampleSource("codes", model.latent_dim, prior),)


def _foreign(model: MeasuredModel, wanted: str, prior: SamplingPrior) -> DataError:
    return DataError(f"samples: expected {wanted} for a {type(model).__name__}, came {prior.kind}; fit another")
