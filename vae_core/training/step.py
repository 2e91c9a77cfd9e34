"""One update of the weights, or none: a loss that is not finite never reaches them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from vae_core.errors import DivergenceError
from vae_core.ranks import ALONE, Ranks
from vae_core.training.data.batches import Batch
from vae_core.training.objectives.objective import LossWeights, Objective, StepTerms
from vae_core.training.objectives.precision import Precision


@dataclass(frozen=True, slots=True, eq=False)
class StepReport:
    """Means over a step's batch on the CPU: the objective's terms by name, and the same as one vector."""

    terms: Mapping[str, torch.Tensor]
    flat: torch.Tensor


def take_step(
    objective: Objective,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    generator: torch.Generator,
    *,
    weights: LossWeights,
    precision: Precision,
    clip_norm: float = 0.0,
    ranks: Ranks = ALONE,
) -> StepReport:
    """Descend on the objective's loss of a batch, as `descend` does, and let it move its buffers.

    With several `ranks` the batch is a part of the whole.
    """
    terms = objective.measure(batch, generator, weights, precision)
    # the optimiser's list: a walk through the model's modules takes 0.15 ms, of 23 for the default VAE in bf16
    parameters = (each for group in optimiser.param_groups for each in group["params"])
    report = descend(terms, optimiser, parameters, clip_norm=clip_norm, ranks=ranks)
    objective.accept(terms)
    return report


def descend(
    terms: StepTerms,
    optimiser: torch.optim.Optimizer,
    parameters: Iterable[torch.nn.Parameter],
    *,
    clip_norm: float = 0.0,
    ranks: Ranks = ALONE,
) -> StepReport:
    """Move the optimiser's parameters down the loss, by gradients no longer than clip_norm; 0 cuts none.

    The gradient's length is summed in the order of `parameters`. With several `ranks` gradients and terms are means
    over all of them. DivergenceError before weights or moments changed when the loss or a gradient is NaN or infinite.
    """
    optimiser.zero_grad(set_to_none=True)
    terms.loss.backward()  # type: ignore[no-untyped-call]
    moving = [each for each in parameters if each.grad is not None]
    if ranks.size > 1:
        _average_gradients(moving, ranks)
    norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in moving if parameter.grad is not None])
    # one transfer from the device for everything that a step reports
    parts = [terms.loss.detach().view(1), norm.view(1), *(value.view(-1) for value in terms.told.values())]
    numbers = ranks.mean(torch.cat(parts)).cpu()
    sizes = [part.numel() for part in parts[2:]]
    told = dict(zip(terms.told, torch.split(numbers[2:], sizes), strict=True))
    if not bool(torch.isfinite(numbers).all()):
        raise DivergenceError(_describe(numbers, told))
    if clip_norm and float(numbers[1]) > clip_norm:
        torch.nn.utils.clip_grads_with_norm_(moving, clip_norm, norm)
    optimiser.step()
    return StepReport(told, numbers[2:])


def _average_gradients(moving: Sequence[torch.nn.Parameter], ranks: Ranks) -> None:
    """Put the mean over all processes into every gradient, in one exchange."""
    gradients = [parameter.grad for parameter in moving if parameter.grad is not None]
    means = ranks.mean(torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, mean in zip(gradients, torch.split(means, [each.numel() for each in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def _describe(numbers: torch.Tensor, told: Mapping[str, torch.Tensor]) -> str:
    sums = ", ".join(f"{name} {float(value.sum()):g}" for name, value in told.items())
    return f"loss {numbers[0]:g}, gradient norm {numbers[1]:g}, {sums}"
