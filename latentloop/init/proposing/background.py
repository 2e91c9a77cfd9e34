"""The colour under transparent pictures: white, unless they vanish on it."""

from __future__ import annotations

from collections.abc import Sequence

from data_checks.input_validation import judge_image_bytes
from latentloop.init.looking.look import EVERYTHING, PROBE, Look
from latentloop.init.proposing.reasoned import Reasoned
from latentloop.init.proposing.thresholds import BLACK

COLOURS = ("#ffffff", "#808080", "#000000")
TRIED_AT_MOST = 200
VANISHING = 10 * BLACK
"""Variance below which hardly anything of a picture is left."""
BETTER_BY = 0.01
"""Of the transparent pictures: for less nobody leaves white."""


def propose_background(transparent: Sequence[tuple[Look, bytes]]) -> Reasoned[str]:
    """Of white, grey and black the one on which the fewest vanish."""
    if not transparent:
        return Reasoned(COLOURS[0], "no picture of the sample is transparent")
    tried = transparent[:TRIED_AT_MOST]
    vanished = {colour: _count_vanished(tried, colour) for colour in COLOURS}
    best = min(COLOURS, key=lambda colour: vanished[colour])
    if vanished[COLOURS[0]] - vanished[best] > BETTER_BY * len(tried):
        return Reasoned(best, f"on white {vanished[COLOURS[0]]} of {len(tried)} transparent pictures vanish")
    return Reasoned(COLOURS[0], "transparent pictures show on it")


def _count_vanished(tried: Sequence[tuple[Look, bytes]], colour: str) -> int:
    form = PROBE.model_copy(update={"background": colour})
    judged = (judge_image_bytes(data, form, EVERYTHING).statistics for _, data in tried)
    return sum(each is not None and each.variance < VANISHING for each in judged)
