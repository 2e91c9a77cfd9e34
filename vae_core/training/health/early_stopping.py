"""The held-out curve, the weights at its best point, and when to give up hope of a better one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from vae_core.weights import copy_weights, require_weights

_WEIGHT, _CURVE, _BEST = "best.", "held_out.curve", "held_out.best"


@dataclass(frozen=True, slots=True)
class HeldOutPoint:
    """Mean loss of the held-out images after `step` steps; lower is better.

    -ELBO in nats of a VAE, squared error summed over pixels and channels of a VQ-VAE, -log p in nats of a prior.
    """

    step: int
    loss: float


@dataclass(slots=True, eq=False)
class BestWeights:
    """The looks so far, and a copy of the weights at the best one; empty before the first."""

    curve: list[HeldOutPoint] = field(default_factory=list)
    index: int = 0
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def point(self) -> HeldOutPoint | None:
        """The best look, or None before the first."""
        return self.curve[self.index] if self.curve else None

    @property
    def looks_since(self) -> int:
        """Looks after the best one."""
        return max(0, len(self.curve) - 1 - self.index)

    def take(self, point: HeldOutPoint, model: nn.Module, min_delta: float) -> HeldOutPoint:
        """Take a look, and give the best; that is the new one when it is lower by more than min_delta, or the first."""
        best = self.point
        self.curve.append(point)
        if best is not None and point.loss >= best.loss - min_delta:
            return best
        self.index = len(self.curve) - 1
        # cloned: on the CPU a copy shares the memory that the next step writes to
        self.weights = {name: tensor.clone() for name, tensor in copy_weights(model).items()}
        return point

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Curve, best point and weights for a checkpoint; nothing before the first look."""
        if not self.curve:
            return {}
        rows = [[float(point.step), point.loss] for point in self.curve]
        return {
            _CURVE: torch.tensor(rows, dtype=torch.float64),
            _BEST: torch.tensor(self.index),
            **{f"{_WEIGHT}{name}": tensor for name, tensor in self.weights.items()},
        }

    def restore_tensors(self, tensors: Mapping[str, torch.Tensor], model: nn.Module) -> None:
        """Take over what `to_tensors` gave; ValueError when the weights are of another model."""
        if _CURVE not in tensors:
            return
        weights = {name.removeprefix(_WEIGHT): each for name, each in tensors.items() if name.startswith(_WEIGHT)}
        require_weights(model, weights)
        self.curve = [HeldOutPoint(int(step), loss) for step, loss in tensors[_CURVE].tolist()]
        self.index, self.weights = int(tensors[_BEST]), weights
