"""Traversals and interpolations of one evaluation, as they go into JSON: how many there were and which fail."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from pydantic import BaseModel

from vae_core.evaluation.benchmark_scores import FORM
from vae_core.evaluation.codes.traversal_check import Paths, TraversalCheck, check_traversals, prior_values
from vae_core.evaluation.effort import Effort, spread_rows, thin_rows
from vae_core.families.conv_vae.protocol import Vae
from vae_core.priors.posterior import sample_posterior

FEWEST_CODES = 4
"""However many units there are: movement still has a mean, and four lines run between them."""


class TraversalScore(BaseModel):
    """Walks along every active unit from n codes, and straight lines between pairs of those codes.

    still: moves the pixels by less than the floor (root mean square on [0, 1]): a fault of a unit, while a pair may be
    of two images that look alike; only all pairs still are a fault, one picture for every code. jumping: the largest
    step of a path is more than `limit` times its mean step, a fault of both. least_moved: of the unit that moves least,
    higher is better; largest_step: the worst ratio, lower is better, 1 is even; None where nothing was tried, or
    nothing moves. A unit is a dimension of the code, a pair two images by their rows in the set.
    """

    model_config = FORM

    n: int
    units: int
    still_dims: tuple[int, ...]
    jumping_dims: tuple[int, ...]
    least_moved: float | None
    largest_step: float | None
    pairs: int
    still_pairs: tuple[tuple[int, int], ...]
    jumping_pairs: tuple[tuple[int, int], ...]
    largest_step_pair: float | None
    floor: float
    limit: float

    @classmethod
    def of(cls, found: TraversalCheck, ends: Sequence[tuple[int, int]], n: int) -> TraversalScore:
        """Name what fails: units by their dimension, pairs by the rows of the images at their ends."""
        return cls(
            n=n,
            units=len(found.units),
            still_dims=found.still_dims,
            jumping_dims=found.jumping_dims,
            least_moved=min((each.moved for each in found.units), default=None),
            largest_step=_largest_step(found.units),
            pairs=len(found.pairs),
            still_pairs=tuple(ends[pair] for pair in found.still_pairs),
            jumping_pairs=tuple(ends[pair] for pair in found.jumping_pairs),
            largest_step_pair=_largest_step(found.pairs),
            floor=found.floor,
            limit=found.limit,
        )

    def metrics(self) -> dict[str, float]:
        """Flatten to numbers for a tracking server, without what is None; a worst case grows with n: it is named."""
        units, pairs = f"traversal_n{self.n}", f"interpolation_n{self.pairs}"
        told = {
            f"{units}_units": self.units,
            f"{units}_units_still": len(self.still_dims),
            f"{units}_units_jumping": len(self.jumping_dims),
            f"{units}_least_moved": self.least_moved,
            f"{units}_largest_step": self.largest_step,
            f"{pairs}_still": len(self.still_pairs),
            f"{pairs}_jumping": len(self.jumping_pairs),
            f"{pairs}_largest_step": self.largest_step_pair,
        }
        return {name: float(value) for name, value in told.items() if value is not None}


def measure_traversals(
    model: Vae, mu: np.ndarray, logvar: np.ndarray, dims: Sequence[int], effort: Effort, *, seed: int, device: str
) -> TraversalScore:
    """Walk the active units `dims` of a model in eval mode, whose posteriors of N ≥ 2 images are mu, logvar (N, D).

    The paths begin at the codes, which are the means. A unit's way goes through its aggregated posterior: there the
    decoder learned, and there samples of a fitted prior lie, however narrow, wide or shifted that is beside N(0, I).
    The means alone would not do: of a hardly active unit they lie close together, and it would seem dead.
    """
    n = max(FEWEST_CODES, min(effort.traversal_codes, effort.traversal_paths // max(1, len(dims))))
    rows, drawn = thin_rows(len(mu), n), spread_rows(len(mu), effort.traversal_draws)
    draws = sample_posterior(mu[drawn], logvar[drawn], torch.Generator().manual_seed(seed))
    # images of a sorted set are like their neighbours; a shift by half would pair everything twice
    partners = np.roll(rows, -max(1, (len(rows) - 1) // 2))
    starts, ends = (torch.from_numpy(np.asarray(mu[each], dtype=np.float32)).to(device) for each in (rows, partners))
    found = check_traversals(model, starts, dims, partners=ends, values=prior_values(draws))
    return TraversalScore.of(found, list(zip(rows.tolist(), partners.tolist(), strict=True)), len(rows))


def _largest_step(paths: Sequence[Paths]) -> float | None:
    return max((each.step_ratio for each in paths if each.step_ratio is not None), default=None)
