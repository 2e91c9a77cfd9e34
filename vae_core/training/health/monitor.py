"""The per-step watch on the KL: a posterior that collapses is noticed while it happens."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vae_core.training.health.events import Collapse, CollapseSign, EventKind, TrainEvent
from vae_core.training.health.progress import ACTIVE_NATS

COLLAPSED_NATS = 0.01
"""Mean unclamped KL per dimension below which a model hardly encodes; a healthy one has 0.3 to 3 nats."""

FEW_ACTIVE = 0.1
"""Share of the dimensions below which the active ones are too few; a healthy model has 0.6 of 32."""

MOST_NEEDED = 10
"""Active dimensions that are enough however many there are: 19 carry Fashion-MNIST in a latent space of any size."""

SUSPICIOUS_STEPS = 100
"""Consecutive steps with a sign before it is said; single batches and the first steps dip below."""

ADVICE = "lower beta, warm up for longer or in cycles, or give more free bits while warming"


def fewest_active(dimensions: int) -> float:
    """Active dimensions below which, of so many, a posterior has collapsed."""
    return min(FEW_ACTIVE * dimensions, MOST_NEEDED)


@dataclass(slots=True)
class CollapseMonitor:
    """Counts consecutive steps with each of the two signs of collapse, on the KL that free bits never clamped.

    The first is the mean KL over all dimensions: single dimensions without it are normal (13 of 32 in a healthy
    model). The second is how many carry something, and is judged after the warm-up only; while warming its steps are
    counted in silence, so that the onset is told as it was.
    """

    kl_steps_below: int = 0
    active_steps_below: int = 0
    active_steps_warming: int = 0

    def onsets(self, step: int) -> tuple[int, int]:
        """First steps of the stretches that last after `step` steps, of KL and of activity; the next step without."""
        return (
            step - self.kl_steps_below + 1,
            step - self.active_steps_below - self.active_steps_warming + 1,
        )

    def watch(self, step: int, kl_dims: torch.Tensor, *, warming: bool) -> TrainEvent | None:
        """Take a step's mean KL per dimension (D,), nats, on the CPU; an event once per uninterrupted stretch.

        While one sign lasts the other says nothing: it is the same collapse.
        """
        values = kl_dims.tolist()
        kl, active = sum(values) / len(values), sum(value > ACTIVE_NATS for value in values)
        few = fewest_active(len(values))
        self.kl_steps_below = self.kl_steps_below + 1 if kl < COLLAPSED_NATS else 0
        self._count_active(active < few, warming)
        counts = (self.kl_steps_below, self.active_steps_below)
        if SUSPICIOUS_STEPS not in counts or max(counts) > SUSPICIOUS_STEPS:
            return None
        of_kl, of_activity = self.onsets(step)
        if self.kl_steps_below == SUSPICIOUS_STEPS:
            collapse = Collapse(CollapseSign.kl_below, of_kl, kl, COLLAPSED_NATS)
            found = f"KL {kl:.4f} nats per dimension < {COLLAPSED_NATS}"
        else:
            collapse = Collapse(CollapseSign.few_active, of_activity, float(active), few)
            found = f"{active} of {len(values)} dimensions active < {few:g}"
        return TrainEvent(
            EventKind.collapse_suspected, step, f"{found} for {SUSPICIOUS_STEPS} steps: {ADVICE}", collapse
        )

    def _count_active(self, few: bool, warming: bool) -> None:
        if not few:
            self.active_steps_below = self.active_steps_warming = 0
        elif warming:
            # a stretch that was judged already is over where the KL warms up again
            self.active_steps_below, self.active_steps_warming = 0, self.active_steps_warming + 1
        else:
            self.active_steps_below += 1
