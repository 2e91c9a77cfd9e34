"""Whether the decoder uses each active unit, and moves smoothly: rows for a person; the gate does not judge by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vae_core.evaluation.codes.traversal_score import TraversalScore

SHOWN_NAMES = 8
"""Of failing units or pairs; the others are counted."""

ADVICE = "look at the pictures before approving"


def traversal_rows(found: TraversalScore | None) -> list[str]:
    """A row of units and one of interpolations; none where an older release did not measure them."""
    if found is None:
        return []
    return [
        f"| active units that move pixels, evenly (n = {found.n} codes) | {_units(found)} | | higher |",
        f"| interpolations that move pixels evenly (n = {found.pairs}) | {_pairs(found)} | | higher |",
    ]


def _units(found: TraversalScore) -> str:
    if found.least_moved is None:
        return "0 of 0, none is active"
    still, jumping = found.still_dims, found.jumping_dims
    return "; ".join(
        [
            f"{found.units - len(still) - len(jumping)} of {found.units}",
            f"least moved {found.least_moved:.4f} (floor {found.floor:.4f})",
            *_step(found.largest_step, found.limit),
            *([f"hardly moving: {_names([str(dim) for dim in still])}"] if still else []),
            *([f"jumping: {_names([str(dim) for dim in jumping])}"] if jumping else []),
            *([ADVICE] if still or jumping else []),
        ]
    )


def _pairs(found: TraversalScore) -> str:
    """Of those whose ends do not look alike: an interpolation has somewhere to go there."""
    moving, jumping = found.pairs - len(found.still_pairs), found.jumping_pairs
    if not moving:
        return f"0 of {found.pairs}, every code gives one picture; {ADVICE}"
    return "; ".join(
        [
            f"{moving - len(jumping)} of {moving}",
            *([f"{len(found.still_pairs)} more look alike"] if found.still_pairs else []),
            *_step(found.largest_step_pair, found.limit),
            *([f"jumping: images {_names([f'{a:,} to {b:,}' for a, b in jumping])}", ADVICE] if jumping else []),
        ]
    )


def _step(largest: float | None, limit: float) -> list[str]:
    return [] if largest is None else [f"largest step {largest:.1f} × mean (limit {limit:g})"]


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more
