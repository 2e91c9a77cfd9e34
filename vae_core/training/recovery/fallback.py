"""Which of a training's snapshots to fall back to when the last weights are not good enough.

The highest KL alone says nothing: it is that of the untrained warm-up. Snapshots are of the final beta only, and a
fallback must pass a benchmark on images that the caller brings. What is asked of it is what can be asked of weights
alone: living units and explained variance. How they compare with another version, and how their samples look, is for
the evaluation that follows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from vae_core.families.registry import family_of
from vae_core.families.variants import ImageModel
from vae_core.training.checkpoints.snapshots import Snapshot
from vae_core.training.health.events import EventKind, Fallback, TrainEvent
from vae_core.training.health.quick_benchmark import Bars, QuickBenchmark, measure_quickly
from vae_core.training.result import TrainResult
from vae_core.weights import load_weights


def choose_fallback(
    candidates: Sequence[Snapshot], final_beta: float, passes: Callable[[Snapshot], bool]
) -> Snapshot | None:
    """The snapshot of the highest KL among those at the final beta that pass, or None.

    `passes` may cost: it is asked in the order of falling KL (of equal ones the later first), until one does.
    """
    ranked = sorted(_at(final_beta, candidates), key=lambda each: (each.kl, each.step), reverse=True)
    return next((each for each in ranked if passes(each)), None)


def restore_snapshot(model: ImageModel, snapshot: Snapshot) -> ImageModel:
    """A copy of the model with the snapshot's weights, in eval mode; ValueError when they are another model's."""
    copied = copy.deepcopy(model)
    load_weights(copied, snapshot.weights)
    return copied.eval()


def fall_back_where_suspect(result: TrainResult, pixels: np.ndarray, bars: Bars, *, device: str = "cpu") -> TrainResult:
    """Hand a snapshot over in the place of weights that are suspected of a collapse and do not pass themselves.

    They are suspected where the training ended so (`TrainResult.is_suspect`), or where fewer units are active on the
    pixels uint8 (N, C, H, W), which nothing trained on, than the monitor lets pass. What came of it is an event of the
    result, which otherwise stays; a snapshot's step is `best_step`. The same result and pixels give the same answer.
    """
    family, model = family_of(result.model), result.model
    if (judged := family.with_posterior(model)) is None:
        return result
    own, measured = measure_quickly(judged, pixels, device), list[QuickBenchmark]()
    if not (result.is_suspect or own.is_collapsed):
        return result

    def passes(snapshot: Snapshot) -> bool:
        restored = family.with_posterior(restore_snapshot(model, snapshot))
        assert restored is not None, "a copy is of the model's family"
        measured.append(measure_quickly(restored, pixels, device))
        return bars.pass_over(measured[-1])

    at_final = _at(result.final_beta, result.snapshots)
    passes_itself = bars.pass_over(own)
    chosen = None if passes_itself else choose_fallback(at_final, result.final_beta, passes)
    facts = Fallback(
        step=chosen.step if chosen else None,
        kl=chosen.kl if chosen else None,
        tried=len(measured),
        at_final_beta=len(at_final),
    )
    doubt = _describe_doubt(result, own)
    if chosen is None:
        detail = f"{doubt}; the weights stay, {_why(passes_itself, len(at_final), result.final_beta)}"
        return _told(result, TrainEvent(EventKind.weights_kept, result.steps, detail, fallback=facts))
    detail = (
        f"{doubt}; handed over are the weights of step {chosen.step:,}, KL {chosen.kl:.2f} nats, the highest that "
        f"passes ({measured[-1].describe()}) among {len(at_final)} snapshots at beta {chosen.beta:g}, "
        f"{len(measured)} tried"
    )
    fallen = replace(result, model=restore_snapshot(model, chosen), best_step=chosen.step)
    return _told(fallen, TrainEvent(EventKind.fell_back, result.steps, detail, fallback=facts))


def _at(beta: float, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    return [each for each in snapshots if each.beta == beta]


def _told(result: TrainResult, event: TrainEvent) -> TrainResult:
    return replace(result, events=(*result.events, event))


def _describe_doubt(result: TrainResult, own: QuickBenchmark) -> str:
    suspected = "no recovery ended the suspicion of a collapse" if result.is_suspect else "too few units are active"
    return f"{suspected} ({own.describe()})"


def _why(passes_itself: bool, at_final: int, beta: float) -> str:
    if passes_itself:
        return "they pass the benchmark themselves"
    if not at_final:
        return f"there is no snapshot at beta {beta:g}"
    return f"none of {at_final} snapshots at beta {beta:g} passes the benchmark"
