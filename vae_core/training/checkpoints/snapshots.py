"""Weights kept on the way, with the KL that they have: what a fallback may choose from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from vae_core.families.variants import ImageModel
from vae_core.weights import copy_weights, require_weights

_STEPS, _VALUES, _WEIGHT = "snapshots.steps", "snapshots.values", "snapshot."


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The weights after `step` steps, their mean KL in nats per image, and the beta that they were trained at then."""

    step: int
    kl: float
    beta: float
    weights: Mapping[str, torch.Tensor]


def is_snapshot_due(wanted: int, share_before: float, share: float) -> bool:
    """Whether a step used up another of `wanted` equal parts of the budget."""
    return math.floor(share * wanted) > math.floor(share_before * wanted)


def take_snapshot(model: ImageModel, step: int, kl: float, beta: float) -> Snapshot:
    """Copy the weights as they are; on the CPU a plain copy would share the memory that the next step writes to."""
    return Snapshot(step, kl, beta, {name: tensor.clone() for name, tensor in copy_weights(model).items()})


def snapshots_to_tensors(snapshots: Sequence[Snapshot]) -> dict[str, torch.Tensor]:
    """Write snapshots for a checkpoint; nothing where there are none."""
    if not snapshots:
        return {}
    weights = {
        f"{_WEIGHT}{index}.{name}": tensor
        for index, each in enumerate(snapshots)
        for name, tensor in each.weights.items()
    }
    return weights | {
        _STEPS: torch.tensor([each.step for each in snapshots]),
        _VALUES: torch.tensor([[each.kl, each.beta] for each in snapshots], dtype=torch.float64),
    }


def snapshots_from_tensors(tensors: Mapping[str, torch.Tensor], model: ImageModel) -> list[Snapshot]:
    """Read what `snapshots_to_tensors` wrote; ValueError when the weights are of another model."""
    if _STEPS not in tensors:
        return []
    snapshots = []
    for index, step in enumerate(tensors[_STEPS].tolist()):
        prefix = f"{_WEIGHT}{index}."
        weights = {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
        require_weights(model, weights)
        kl, beta = tensors[_VALUES][index].tolist()
        snapshots.append(Snapshot(step, kl, beta, weights))
    return snapshots
