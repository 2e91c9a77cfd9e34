"""A window of one version's traffic, and why it may be impossible to judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data_checks.drift.policy import DriftPolicy
from data_checks.sample import Sample
from data_checks.verdict import Phase, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Traffic of one version: its answered images, oldest first, and the refused ones counted by reason.

    received: images, answered and refused together; it may exceed their sum where the sample was cut.
    """

    sample: Sample
    refused: Mapping[str, int]
    received: int

    def __post_init__(self) -> None:
        counted = len(self.sample) + sum(self.refused.values())
        if min(self.refused.values(), default=0) < 0 or counted > self.received:
            raise ValueError(
                f"window: expected received >= {len(self.sample)} answered + {dict(self.refused)} refused, "
                f"came {self.received}"
            )


def cannot_judge(rule: str, why: str, phase: Phase = Phase.no_data) -> Verdict:
    """The verdict of a rule that has nothing to decide on: never a pass."""
    return Verdict(phase=phase, reason=f"{rule}: cannot judge: {why}")


def find_obstacle(rule: str, distinct: Sample, reference: Sample, policy: DriftPolicy) -> Verdict | None:
    """Find what keeps every rule about answered images from being judged, or None."""
    if len(reference) < policy.min_reference:
        why = (
            f"the reference holds {len(reference)} images, at least {policy.min_reference} needed: traffic completes it"
        )
        return cannot_judge(rule, why, Phase.inconclusive)
    if len(distinct) == 0:
        return cannot_judge(rule, "no image was answered in this window")
    if distinct.latent_dim != reference.latent_dim:
        return cannot_judge(
            rule,
            f"the reference is of another model: its codes have {reference.latent_dim} dimensions, "
            f"the traffic's {distinct.latent_dim}",
        )
    if (grids := (_describe_grid(reference), _describe_grid(distinct)))[0] != grids[1]:
        return cannot_judge(
            rule, f"the reference is of another model: {grids[0]} for an image, of the traffic {grids[1]}"
        )
    if len(distinct) < policy.min_images:
        why = f"{len(distinct)} distinct images, at least {policy.min_images} needed: wait for more traffic"
        return cannot_judge(rule, why, Phase.inconclusive)
    return None


def _describe_grid(sample: Sample) -> str:
    return ", ".join(f"{name} of {each.shape[1]}" if each.ndim > 1 else name for name, each in sample.own.items())


def find_unusable(rule: str, name: str, window: np.ndarray, reference: np.ndarray) -> Verdict | None:
    """Find what makes the columns (N,) or (N, D) unusable: numbers that are none, or no variation; or None."""
    for whose, values in (("window", window), ("reference", reference)):
        broken = int((~np.isfinite(values)).reshape(len(values), -1).any(axis=1).sum())
        if broken:
            return cannot_judge(rule, f"{name}: {broken} of {len(values)} images of the {whose} have no finite value")
    varies_there = np.ptp(reference, axis=0) > 0
    if not varies_there.any():
        return cannot_judge(rule, f"{name} is constant in the reference")
    still = int((varies_there & (np.ptp(window, axis=0) == 0)).sum())
    if still:
        dimensions = f" in {still} of {varies_there.size} dimensions" if window.ndim > 1 else ""
        return cannot_judge(rule, f"{name} is constant in the window{dimensions}, though it varies in the reference")
    return None


def keep_distinct(sample: Sample) -> Sample:
    """Keep one image of each repeated one, the newest: a client that sends a picture ten times has told us one thing.

    Images are the same where the digest of their pixels is. Those of which it was not kept are the same where mean,
    variance and entropy of their pixels are.
    """
    digests = np.zeros(len(sample), np.int64) if sample.image_digest is None else sample.image_digest
    named, others = np.flatnonzero(digests), np.flatnonzero(digests == 0)
    kept = [named[_newest_of_each(digests[named])], others[_newest_of_alike(sample.take(others))]]
    return sample.take(np.sort(np.concatenate(kept)))


def _newest_of_alike(sample: Sample) -> np.ndarray:
    """Rows to keep; statistics that are constant or not finite tell nothing apart and are left out."""
    told = [sample.image_mean, sample.image_variance, sample.image_entropy]
    told = [column for column in told if len(column) and np.isfinite(column).all() and np.ptp(column) > 0]
    return _newest_of_each(np.column_stack(told)) if told else np.arange(len(sample))


def _newest_of_each(rows: np.ndarray) -> np.ndarray:
    """Where the last of each different row (N,) or (N, K) lies."""
    _, first = np.unique(rows[::-1], axis=0, return_index=True)
    return len(rows) - 1 - first
