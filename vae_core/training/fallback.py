"""Which of a training's snapshots to fall back to when the last weights are not good enough.

The highest KL alone says nothing: it is that of the untrained warm-up. Snapshots are of the final beta only, and a
fallback must pass the benchmark that the caller brings.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from vae_core.models.variants import ImageModel
from vae_core.training.snapshots import Snapshot
from vae_core.weights import load_weights


def choose_fallback(
    candidates: Sequence[Snapshot], final_beta: float, passes: Callable[[Snapshot], bool]
) -> Snapshot | None:
    """The snapshot of the highest KL among those at the final beta that pass, or None.

    `passes` may cost: it is asked in the order of falling KL (of equal ones the later first), until one does.
    """
    at_final = [each for each in candidates if each.beta == final_beta]
    ranked = sorted(at_final, key=lambda each: (each.kl, each.step), reverse=True)
    return next((each for each in ranked if passes(each)), None)


def restore_snapshot(model: ImageModel, snapshot: Snapshot) -> ImageModel:
    """A copy of the model with the snapshot's weights, in eval mode; ValueError when they are another model's."""
    copied = copy.deepcopy(model)
    load_weights(copied, snapshot.weights)
    return copied.eval()
