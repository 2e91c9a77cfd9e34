"""What was not finite, in one line: which step or look, on which images, and what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vae_core.errors import DivergenceError

SHOWN = 8
"""Rows in the line; all of them are in the error."""


def withheld_step(where: str, step: int, rows: Sequence[int], found: str) -> DivergenceError:
    """The error of a step, counted from 1, on images of these rows, that the weights did not take."""
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    shown = ", ".join(map(str, rows[:SHOWN])) + more
    return DivergenceError(
        f"{where}: step {step} is not finite ({found}) on images {shown}; "
        "the weights did not take it. Lower learning_rate or use precision fp32, then start anew",
        step=step,
        batch_indices=tuple(rows),
    )


def require_finite_look(where: str, what: str, total: float, step: int) -> None:
    """DivergenceError when the held-out images' `what` is not finite for the weights after `step` steps."""
    if not math.isfinite(total):
        raise DivergenceError(
            f"{where}: the {what} of the held-out images is {total:g} after step {step}; lower learning_rate or use "
            "precision fp32, then start anew",
            step=step,
        )
