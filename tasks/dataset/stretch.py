"""What triage says of a stretch of captured traffic, before it is learnt: the truth table that the monitor asked.

A fault of the sensor is learnt by no emergency that drift asks for; who asks by hand has looked at the images. And a
gradual change of all images raises no cluster's share, or a few only: then the stretch as a whole is what is new, where
codes and errors left the reference, or, for who asks by hand, where anything did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deploy.wiring import World
from tasks.dataset.holdout import too_few
from tasks.errors import DataRefused, NotEnoughData
from tasks.values import NewKindFound

if TYPE_CHECKING:
    from data_checks.drift.triage import Triage
    from data_checks.drift.triage_facts import Facts
    from data_checks.kinds.new_kind import NewKind
    from data_checks.sample import Sample

SEED = 0
MANY_MORE = 1.25  # times as many new images: else a longer stretch only dilutes them


def refuse_fault(world: World, stretch: Sample, kind: NewKind, reference: Sample) -> None:
    """DataRefused where the images of the new kind may be a broken sensor's."""
    decided, _ = _triage(world, stretch, kind, reference)
    if decided.action == "block":
        raise DataRefused(
            f"emergency: the newest {len(stretch):,} images captured from traffic may be a broken sensor's, nothing is "
            f"learnt from them: {decided.reason}"
        )


def left_without(world: World, stretch: Sample, kind: NewKind, reference: Sample) -> bool:
    """Whether the images outside of the risen clusters left the reference too, in codes and errors."""
    rest = np.ones(len(stretch), np.bool_)
    rest[kind.indices] = False
    decided, _ = _triage(world, stretch.take(rest), None, reference)
    return _is_emergency(decided)


def take_whole(
    world: World, captured: Sample, least: int, reference: Sample, named: int = 0, *, trusted: bool = False
) -> tuple[int, NewKindFound]:
    """The newest captured images in the place of a new kind, and how many: `least`, or more where many more are new.

    See `judge_whole`.
    """
    size = min(least, len(captured))
    best = size, judge_whole(world, captured, size, reference, named, trusted=trusted)
    while size < len(captured):
        size = min(2 * size, len(captured))
        try:
            longer = judge_whole(world, captured, size, reference, named, trusted=trusted)
        except NotEnoughData:
            break
        if size * longer.purity > MANY_MORE * best[0] * best[1].purity:
            best = size, longer
    return best


def judge_whole(
    world: World, captured: Sample, size: int, reference: Sample, named: int = 0, *, trusted: bool = False
) -> NewKindFound:
    """The newest `size` captured images in the place of a new kind; NotEnoughData where they are no emergency.

    `named`: images in risen clusters, too few to learn from. `trusted`: a person has looked at the images, and asks.
    """
    newest = captured.take(slice(len(captured) - size, None))
    decided, facts = _triage(world, newest, None, reference)
    moved = facts.share_moved()
    if not _is_emergency(decided) and not (trusted and facts.judgement.failed):
        also = f"and the newest {size:,} as a whole are no emergency: {decided.action}: {decided.reason}; "
        raise too_few(named, len(captured), also)
    known_error = float(reference.recon_error.astype(np.float64).mean())
    return NewKindFound(
        n=size,
        share=1.0,
        share_low=moved,
        purity=moved,
        error_ratio=float(newest.recon_error.astype(np.float64).mean()) / max(known_error, 1e-12),
        clusters=0,
    )


def _triage(world: World, stretch: Sample, kind: NewKind | None, reference: Sample) -> tuple[Triage, Facts]:
    """What the table says of these images alone, and what it looked at."""
    from data_checks.drift.found_images import measure_found
    from data_checks.drift.judge import judge_window
    from data_checks.drift.triage import triage
    from data_checks.drift.triage_facts import Circumstances, Facts
    from data_checks.drift.window import Window

    policy = world.settings.drift
    judgement = judge_window(Window(stretch, refused={}, received=len(stretch)), reference, policy)
    circumstances = Circumstances(
        new_kind=kind,
        promoted_s_ago=None,
        previous_exists=False,
        latency=None,
        found=None if kind is None else measure_found(stretch, reference, kind.indices, seed=SEED),
    )
    return triage(judgement, circumstances, policy), Facts(judgement, circumstances, policy)


def _is_emergency(decided: Triage) -> bool:
    """Without a new kind, only the table's row `encoder` says so; `full` where it concerns more than half."""
    return decided.action in ("emergency", "full")
