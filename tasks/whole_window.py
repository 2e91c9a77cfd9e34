"""Where no cluster can be named: is the newest traffic as a whole what is new?

A gradual change of all images raises no cluster's share. Then the emergency tier asks what the monitor asked: did codes
and errors leave the champion's reference, and is no sensor at fault? The same truth table answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.context import settings
from tasks.holdout import too_few
from tasks.values import NewKindFound

if TYPE_CHECKING:
    from data_checks.sample import Sample


def judge_whole(captured: Sample, size: int, reference: Sample) -> NewKindFound:
    """The newest `size` captured images in the place of a new kind; NotEnoughData where they are no emergency."""
    from data_checks.drift.judge import judge_window
    from data_checks.drift.triage import triage
    from data_checks.drift.triage_facts import Circumstances, Facts
    from data_checks.drift.window import Window

    newest = captured.take(slice(len(captured) - size, None))
    policy = settings().drift
    judgement = judge_window(Window(newest, refused={}, received=size), reference, policy)
    nothing_else = Circumstances(new_kind=None, promoted_s_ago=None, previous_exists=False, latency_p99_ms=None)
    decided = triage(judgement, nothing_else, policy)
    # without a new kind, only its row `encoder` says so; `full` where it concerns more than half
    if decided.action not in ("emergency", "full"):
        also = f"and the newest {size:,} as a whole are no emergency: {decided.action}: {decided.reason}; "
        raise too_few(0, len(captured), also)
    moved = Facts(judgement, nothing_else, policy).share_moved()
    known_error = float(reference.recon_error.astype(np.float64).mean())
    return NewKindFound(
        n=size,
        share=1.0,
        share_low=moved,
        purity=moved,
        error_ratio=float(newest.recon_error.astype(np.float64).mean()) / max(known_error, 1e-12),
        cells=0,
    )
