"""What a fit of a code prior carries from step to step: all that it needs to go on bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from vae_core.priors.code_prior import CodePrior, build_code_prior
from vae_core.priors.code_prior_checkpoint import FitHeader, FitIdentity
from vae_core.priors.code_prior_config import CodePriorConfig, CodePriorRecipe
from vae_core.priors.code_transformer import Dropout
from vae_core.training.health.early_stopping import BestWeights
from vae_core.training.health.events import TrainEvent
from vae_core.training.health.progress import IntervalSums
from vae_core.training.objectives.precision import Precision, resolve_precision
from vae_core.weights import copy_weights, load_weights

_WEIGHT, _MOMENT = "weight.", "optimiser."

NLL = "nll"
TERMS = {NLL: 1}
"""What a step is told by: the mean NLL of its images, in nats."""


@dataclass(slots=True, eq=False)
class CodePriorState:
    """A fit between two steps; `step` is the number of steps done."""

    prior: CodePrior
    optimiser: torch.optim.AdamW
    dropout: Dropout
    precision: Precision
    interval: IntervalSums = field(default_factory=lambda: IntervalSums(TERMS))
    step: int = 0
    best: BestWeights = field(default_factory=BestWeights)

    @classmethod
    def begin(
        cls, config: CodePriorConfig, recipe: CodePriorRecipe, seed: int, device: str, initial: CodePrior | None
    ) -> CodePriorState:
        """Begin a fit of which nothing is done; weights and dropout have streams of their own from the seed."""
        seeds = np.random.SeedSequence(seed).generate_state(2, np.uint64)
        prior = build_code_prior(config, seed=int(seeds[0]))
        if initial is not None:
            prior.load_state_dict(copy_weights(initial))
        prior = prior.to(device).train()
        return cls(
            prior=prior,
            optimiser=_make_optimiser(prior, recipe),
            dropout=Dropout(config.dropout, torch.Generator(device).manual_seed(int(seeds[1]))),
            precision=resolve_precision(recipe.precision, device),
        )

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Weights, moments, dropout's generator, sums, curve and best weights as contiguous CPU tensors."""
        tensors = {f"{_WEIGHT}{name}": tensor for name, tensor in copy_weights(self.prior).items()}
        for name, parameter in self.prior.named_parameters():
            for moment, value in self.optimiser.state[parameter].items():
                tensors[f"{_MOMENT}{name}.{moment}"] = value.detach().cpu().contiguous()
        tensors["dropout"] = self.dropout.generator.get_state()
        tensors["interval"] = self.interval.values
        return tensors | self.best.to_tensors()

    def restore_tensors(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over what `to_tensors` gave; ValueError or KeyError when it is of another prior."""
        load_weights(self.prior, dict(_named(tensors, _WEIGHT)))
        for name, parameter in self.prior.named_parameters():
            moments = _named(tensors, f"{_MOMENT}{name}.")
            self.optimiser.state[parameter] = {moment: value.to(parameter.device) for moment, value in moments}
        self.dropout.generator.set_state(tensors["dropout"])
        self.interval.values.copy_(tensors["interval"])
        self.best.restore_tensors(tensors, self.prior)

    def to_header(self, identity: FitIdentity, seconds_used: float) -> FitHeader:
        """What of a checkpoint is no tensor."""
        return FitHeader(identity=identity, step=self.step, seconds_used=seconds_used)

    def restore_header(self, header: FitHeader) -> None:
        """Nothing but the step, which its keeper restores, and the seconds, which the meter takes."""

    def hear(self, events: Sequence[TrainEvent]) -> None:
        """A fit tells of nothing that happened to its checkpoints."""

    def onsets(self) -> Sequence[int]:
        """A prior does not collapse."""
        return ()


def _make_optimiser(prior: CodePrior, recipe: CodePriorRecipe) -> torch.optim.AdamW:
    """Decay the matrices of linear layers; embeddings, norms and biases stay free (as in Radford et al. 2019)."""
    matrices = {layer.weight for layer in prior.modules() if isinstance(layer, nn.Linear)}
    others = [parameter for parameter in prior.parameters() if parameter not in matrices]
    decayed = [parameter for parameter in prior.parameters() if parameter in matrices]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.95), fused=True)


def _named(tensors: Mapping[str, torch.Tensor], prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    return ((name.removeprefix(prefix), each) for name, each in tensors.items() if name.startswith(prefix))
