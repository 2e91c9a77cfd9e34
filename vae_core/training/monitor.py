"""The per-step watch on the KL: a posterior that collapses is noticed while it happens."""

from dataclasses import dataclass

from vae_core.training.events import EventKind, TrainEvent

COLLAPSED_NATS = 0.01
"""Mean unclamped KL per dimension below which a model hardly encodes; a healthy one has 0.3 to 3 nats."""

SUSPICIOUS_STEPS = 100
"""Consecutive steps below it before that is said; single batches and the first steps dip below."""


@dataclass(slots=True)
class KlMonitor:
    """Counts consecutive steps whose KL, per dimension and never clamped by free bits, is as good as none.

    The mean over all dimensions is judged: single dimensions without KL are normal (13 of 32 in a healthy
    model).
    """

    steps_below: int = 0

    def watch(self, step: int, kl: float, latent_dim: int) -> TrainEvent | None:
        """Take the mean KL of a step's batch, nats per image; an event once per uninterrupted stretch."""
        kl_per_dim = kl / latent_dim
        self.steps_below = self.steps_below + 1 if kl_per_dim < COLLAPSED_NATS else 0
        if self.steps_below != SUSPICIOUS_STEPS:
            return None
        return TrainEvent(
            EventKind.collapse_suspected,
            step,
            f"KL {kl_per_dim:.4f} nats per dimension < {COLLAPSED_NATS} for {SUSPICIOUS_STEPS} steps: "
            "lower beta, lengthen the warm-up or raise free_bits_nats",
        )
