"""What a drift rule could see at all: the smallest shift of the codes that a window of traffic would show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from data_checks.drift.policy import DriftPolicy
from data_checks.statistics.two_sample import MOST_BLOCKS, SHORTEST_BLOCK

POWER = 0.9
"""Probability with which the shift is seen."""

LARGEST = 50.0
"""Reference sd; a shift that is not seen at this length is not seen."""


@dataclass(frozen=True, slots=True)
class Sight:
    """`shift_sd` of the mean code, in the reference's own sd, is seen in `requests`; None where nothing can be judged.

    `reference`: images that the traffic is judged against, `of_traffic` of them the version's own first traffic and the
    others those that it was accepted on; `needed`: as many as a rule judges against at least.
    """

    shift_sd: float | None
    requests: int
    reference: int
    needed: int
    of_traffic: int = 0

    def describe(self) -> str:
        """In words, for a card and a screen.

        >>> Sight(0.5, 500, 600, 500).describe()
        'a shift of 0.50 sd would be seen within 500 requests (reference of 600 images)'
        """
        came = f", {self.of_traffic:,} of its traffic" if self.of_traffic else ""
        if self.shift_sd is None:
            return (
                f"drift cannot be judged yet: the reference holds {self.reference} images{came}, at least "
                f"{self.needed} are needed; the first {self.needed - self.reference} different images of the "
                "version's traffic complete it"
            )
        return (
            f"a shift of {self.shift_sd:.2f} sd would be seen within {self.requests:,} requests "
            f"(reference of {self.reference:,} images{came})"
        )


def look_ahead(reference: int, dimensions: int, own: Iterable[str], policy: DriftPolicy, of_traffic: int = 0) -> Sight:
    """What the monitor's rule about the codes would see of the smallest window that it judges.

    reference: its images; own: the names of its family's columns.
    """
    window = policy.min_images
    needed = policy.needed_reference(dimensions)
    if reference < needed:
        return Sight(None, window, reference, needed, of_traffic)
    shift = smallest_shift(window, reference, dimensions, policy.rule_level(own) / 2, policy.latent_shift)
    return Sight(shift, window, reference, needed, of_traffic)


def smallest_shift(window: int, reference: int, dimensions: int, level: float, limit: float) -> float:
    """Length of a shift (reference sd) that `compare_codes` shows with probability `POWER`, of independent rows.

    Shown is one whose p-value is at most `level` and whose measured length exceeds `limit`; inf for one beyond 50 sd.
    The statistic is about F, noncentral where the mean moved (Box 1954); both conditions are bounds on it.
    """
    from scipy.optimize import brentq
    from scipy.special import fdtri
    from scipy.stats import ncf

    noise = 1 / window + 1 / (reference - dimensions)
    blocks = window // max(SHORTEST_BLOCK, window // MOST_BLOCKS)
    degrees = dimensions, dimensions * (blocks - 1)
    needed = max(float(fdtri(*degrees, 1 - level)), 1 + limit**2 / (dimensions * noise))

    def missing(length: float) -> float:
        return POWER - float(ncf.sf(needed, *degrees, length**2 / noise))

    if missing(LARGEST) > 0:
        return float(np.inf)
    return float(brentq(missing, 1e-6, LARGEST, xtol=1e-3))
