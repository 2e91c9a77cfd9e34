"""What the model card says of a training: what came of it beside the weights, and what somebody should know."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tasks.values import InformationBounds, Trained

WANTED_IMAGES = 10_000
"""Of bounds on the information: the lower one cannot exceed the log of their number."""


def tell_training(trained: Trained) -> list[str]:
    """One line each: a VQ-VAE's codes and their prior, a VAE's information, and every event."""
    lines = []
    if trained.codes_kept is not None:
        lines.append(f"{trained.codes_kept:.1%} of the tokens keep the code that the parent gives them.")
    if (fitted := trained.code_prior) is not None:
        begun = ", begun at the parent's" if fitted.warm else ""
        lines.append(
            f"Prior over codes: {fitted.steps:,} steps, {fitted.seconds:.0f} s{begun}; {fitted.nats_per_code:.3f} nats "
            f"per held-out code, {fitted.before:.3f} before, {fitted.independent:.3f} by each position's frequencies."
        )
    if trained.information:
        lines.append(_information(trained.information, trained.best_step))
    lines += [f"While training, step {each.step:,}: `{each.kind}`: {plain(each.detail)}." for each in trained.events]
    return lines


def tell_weak_prior(trained: Trained) -> list[str]:
    """A sentence for who approves, where a prior over codes learnt less than counting would; else none."""
    fitted = trained.code_prior
    if fitted is None or fitted.nats_per_code < fitted.independent:
        return []
    return [
        "**Its samples are not to be used**: the prior over its codes predicts them no better than their frequencies "
        f"do, after {fitted.steps:,} steps. Reconstructions, errors and what is watched do not depend on it; a larger "
        "`training.code_prior.recipe.budget` mends it."
    ]


def _information(looks: Sequence[InformationBounds], best_step: int | None) -> str:
    """Where the bounds ended, and from where they came; the weights that are handed over may be earlier ones."""
    first, last = looks[0], looks[-1]
    few = "" if last.n >= WANTED_IMAGES else f", fewer than the {WANTED_IMAGES:,} wanted"
    line = (
        f"Mutual information of images and codes, bounds on benchmark_old (n = {last.n:,}{few}): {_bounds(last)}, "
        f"where the lower one is at most log n = {math.log(last.n):.2f}"
    )
    if len(looks) > 1:
        line += f"; {_bounds(first)}, the first of {len(looks)} looks"
    earlier = best_step is not None and best_step != last.step
    return f"{line}; this version's weights are of step {best_step:,}." if earlier else f"{line}."


def _bounds(point: InformationBounds) -> str:
    return f"{point.lower:.2f} to {point.upper:.2f} nats at step {point.step:,}"


def plain(text: str) -> str:
    """Brackets as they are: the page takes an interval for a link."""
    return text.replace("[", "\\[").replace("]", "\\]")
