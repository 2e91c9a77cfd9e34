"""Do the colours of new pictures belong to their catalogue? Counted and said; nothing is refused for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from deploy.record.intake import ColourCounts
from deploy.wiring import World

if TYPE_CHECKING:
    from tasks.intake.judging import Judged, JudgedSegment

FEWEST = 250  # pictures of the reference, before which nothing is said
WANTED = 2_000  # the first ones of the catalogue, with which the stated rate is kept
NAMED = 3


def compare_colours(world: World, batch: Sequence[JudgedSegment]) -> dict[str, ColourCounts]:
    """For each segment how many accepted pictures are coloured as hardly any of the catalogue's first; {} for grey.

    Until the reference is complete, a batch that is not unlike it joins it; a segment that has joined is a part of it.
    """
    if world.settings.preprocessing.channels != 3:
        return {}
    from data_checks.colour_cast import derive_reference, flag_colours

    joined, known = _read(world)
    rows = {each.segment: [row for row in each.rows if row.refusal is None] for each in batch}
    rows = {segment: accepted for segment, accepted in rows.items() if accepted and segment not in joined}
    colours = {segment: _measure(accepted) for segment, accepted in rows.items()}
    found = dict[str, ColourCounts]()
    if len(known) >= FEWEST:
        reference = derive_reference(known)
        for segment, accepted in rows.items():
            odd = [
                row.name for row, each in zip(accepted, colours[segment], strict=True) if flag_colours(each, reference)
            ]
            found[segment] = ColourCounts(
                compared=len(accepted),
                odd=len(odd),
                expected=reference.flagged_share * len(accepted),
                named=tuple(odd[:NAMED]),
            )
    if len(known) < WANTED and not ColourCounts.sum(found.values()).unlike:
        _keep(world, joined, known, colours)
    return found


def _measure(rows: Sequence[Judged]) -> np.ndarray:
    """Colour histograms (N, 64) of judged pictures."""
    from data_checks.colour_cast import COLOUR_BINS, measure_colours

    found = np.empty((len(rows), COLOUR_BINS), np.float32)
    for place, row in enumerate(rows):
        assert row.pixels is not None and row.shape is not None, "accepted"
        found[place] = measure_colours(np.frombuffer(row.pixels, np.uint8).reshape(row.shape))
    return found


def _key(world: World) -> str:
    return f"colours/{world.settings.preprocessing.digest[:16]}.safetensors"


def _read(world: World) -> tuple[list[str], np.ndarray]:
    """The segments that have joined the reference, and its histograms (N, 64); none before the first."""
    from safetensors.numpy import load

    from data_checks.colour_cast import COLOUR_BINS

    if world.objects.etag(_key(world)) is None:
        return [], np.empty((0, COLOUR_BINS), np.float32)
    kept = load(world.objects.get(_key(world)).data)
    return kept["segments"].tobytes().decode().split("\n"), kept["histograms"]


def _keep(world: World, joined: list[str], known: np.ndarray, colours: Mapping[str, np.ndarray]) -> None:
    from safetensors.numpy import save

    if not colours:
        return
    histograms = np.concatenate([known, *colours.values()])[:WANTED]
    segments = np.frombuffer("\n".join([*joined, *colours]).encode(), np.uint8)
    world.objects.put(_key(world), save({"histograms": np.ascontiguousarray(histograms), "segments": segments}))
