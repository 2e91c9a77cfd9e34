"""Judges the images of one segment, and whether so many were refused that the whole batch should be held."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_checks.input_gate import GateResult, judge_image_bytes
from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from data_checks.statistics.rates import judge_rate_below
from data_checks.verdict import Phase, Verdict, combine
from vae_core.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True)
class BatchResult:
    """One gate result an image, in the order of the images, and the verdict on the refused shares."""

    results: tuple[GateResult, ...]
    verdict: Verdict


def judge_batch(
    images: Sequence[tuple[str, str, bytes]],
    preprocessing: Preprocessing,
    policy: InputPolicy,
    reference_histogram: NDArray[np.floating] | None = None,
) -> BatchResult:
    """Judge the images of a segment, each (name, source, encoded bytes), through the gate that serving uses.

    Duplicates and leakage are decided later, by digest claims; `judge_refused_shares` then takes their
    counts.
    """
    results = tuple(judge_image_bytes(data, preprocessing, policy, reference_histogram) for _, _, data in images)
    refused = Counter(result.refusal for result in results if result.refusal is not None)
    return BatchResult(results, judge_refused_shares(refused, len(images), policy))


def judge_refused_shares(refused: Mapping[Refusal, int], received: int, policy: InputPolicy) -> Verdict:
    """Judge the share refused for each reason against the policy; `failed` means: hold the whole batch.

    `refused` counts images by reason, of `received` in all. Each reason is tested on its own, because a fault
    has one reason: 1 % black frames are a broken camera, even where everything together is usual.
    """
    if received == 0:
        return Verdict(
            phase=Phase.no_data,
            reason=f"0 images received, limit {policy.max_refused_share:.4g} per reason not judged",
        )
    counts = {f"refused_{reason}": count for reason, count in sorted(refused.items()) if count > 0}
    return combine(
        [
            judge_rate_below(
                name,
                count,
                received,
                limit=policy.max_refused_share,
                confidence=policy.refused_share_confidence,
                minimum_n=policy.refused_share_min_images,
            )
            for name, count in (counts or {"refused": 0}).items()
        ]
    )
