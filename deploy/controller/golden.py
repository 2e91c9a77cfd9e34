"""Golden inputs through the real service: does the version answer there as it answered where it was measured?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_checks.verdict import Evidence, Phase, Verdict
from deploy.controller.service import Service
from deploy.release import ServedVersion

if TYPE_CHECKING:  # torch, which a controller loads with the first version that it measures
    from vae_core.golden import Golden


def try_golden(
    service: Service, served: ServedVersion, golden: Golden, *, tolerance: float, warmup_requests: int
) -> Verdict:
    """Every golden image through HTTP, addressed to this version; compared by the largest relative deviation.

    Warm-up requests come first, so that the first answer to a user is no cold one.
    """
    for number in range(warmup_requests):
        service.score(golden.pixels[number % len(golden.pixels)][None], served.version)
    answered = np.concatenate([service.score(each[None], served.version) for each in golden.pixels])
    expected = np.asarray(golden.recon_error, dtype=np.float64)
    deviation = float(np.max(np.abs(answered - expected) / np.maximum(np.abs(expected), 1e-6)))
    evidence = Evidence(
        name="golden_deviation", value=deviation, limit=tolerance, unit="relative", direction="lower", n=len(expected)
    )
    return Verdict(
        phase=Phase.passed if evidence.within_limit else Phase.failed,
        reason=f"golden inputs through the service: {evidence.describe()}",
        evidence=(evidence,),
    )
