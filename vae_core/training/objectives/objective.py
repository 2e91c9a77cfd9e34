"""What the loop asks of any kind of model: a loss with its terms by name, and what follows once it was finite.

A second kind of model brings an objective of its own; step, sums, checkpoint and clock stay as they are. Buffers that
a model moves without a gradient (a running variance, an EMA codebook, counts of an epoch) belong to the module, so
that checkpoints hold them, and change in `accept` alone, so that a loss that is not finite never reaches them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch

from vae_core.families.variants import ImageModel
from vae_core.training.data.batches import Batch
from vae_core.training.health.events import TrainEvent
from vae_core.training.objectives.precision import Precision

KL_DIMS = "kl_dims"
"""The term that the collapse monitor watches: mean unclamped KL per dimension (D,), nats; not every kind has it."""


@dataclass(frozen=True, slots=True)
class LossWeights:
    """What the schedules say for one step: weight of the KL, its free bits a dimension, whether it still warms up."""

    beta: float
    free_bits_nats: float
    warming: bool


@dataclass(frozen=True, slots=True, eq=False)
class StepTerms:
    """One batch: the scalar to descend on, what is told of it by name, and what `accept` will need.

    told: means over the batch, scalars or vectors as in the objective's `sizes` and in that order.
    """

    loss: torch.Tensor
    told: Mapping[str, torch.Tensor]
    pending: Mapping[str, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IntervalFigures:
    """What a report says of the loss: means over an interval; None where the kind of model has no such thing.

    neg_elbo, nll, kl: nats per image; weighs_kl: whether the loss weighs a KL; active_dims: of the posterior.
    squared_error: per image, summed over pixels and channels; commitment: per number of a token; codes_used and
    perplexity: of the tokens of an epoch.
    """

    neg_elbo: float | None = None
    nll: float | None = None
    kl: float | None = None
    weighs_kl: bool = False
    active_dims: int | None = None
    squared_error: float | None = None
    commitment: float | None = None
    codes_used: int | None = None
    perplexity: float | None = None


class Objective(Protocol):
    """One kind of model in training."""

    @property
    def model(self) -> ImageModel:
        """The model whose weights take the steps."""
        ...

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many numbers each term of a step has, by name."""
        ...

    @property
    def counted(self) -> Mapping[str, torch.Tensor]:
        """What is counted over an epoch, by name: the tensors themselves, which a resume fills."""
        ...

    def measure(
        self, batch: Batch, generator: torch.Generator, weights: LossWeights, precision: Precision
    ) -> StepTerms:
        """Take what is seen of a batch through the model, and compare with its target; changes only the generator."""
        ...

    def accept(self, terms: StepTerms) -> None:
        """Move the buffers, after the loss and all gradients were found finite and the optimiser made its step."""
        ...

    def end_epoch(self, step: int) -> Sequence[TrainEvent]:
        """Judge what is counted over an epoch and begin the next; the events of it."""
        ...

    def summarise(self, means: Mapping[str, torch.Tensor]) -> IntervalFigures:
        """Put the means of an interval's terms, on the CPU, into the words of a report."""
        ...
