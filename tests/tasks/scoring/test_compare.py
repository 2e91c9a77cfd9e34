"""What is compared where one of two versions has less to show than the other."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.scoring.compare import paired_changes
from tasks.scoring.measure import Measured
from tests.tasks.card.test_model_card import RESULT, VQ_RESULT
from vae_core.evaluation.benchmark_result import BenchmarkResult

N, DIM = 60, 4
SILENT = VQ_RESULT.model_copy(update={"fd_samples_codes": None})
SMALL = RESULT.model_copy(
    update={"fd_reconstructions": RESULT.fd_reconstructions.model_copy(update={"n_too_small": True})}
)


@pytest.mark.parametrize(
    ("candidate", "champion", "metrics"),
    [
        (RESULT, RESULT, ["recon_error", "fd_efflite0_reconstructions", "fd_efflite0"]),
        (VQ_RESULT, RESULT, ["recon_error", "fd_efflite0_reconstructions", "fd_efflite0"]),
        (RESULT, SILENT, ["recon_error", "fd_efflite0_reconstructions"]),
        (SILENT, RESULT, ["recon_error", "fd_efflite0_reconstructions"]),
        (SMALL, SMALL, ["recon_error", "kid_efflite0_reconstructions", "kid_efflite0"]),
        (SMALL, SILENT, ["recon_error", "kid_efflite0_reconstructions"]),
    ],
    ids=[
        "two VAEs",
        "a VQ-VAE after a VAE",
        "a champion without samples",
        "a candidate without",
        "too few images",
        "too few and no samples",
    ],
)
def test_versions_are_compared_on_what_both_have(
    candidate: BenchmarkResult, champion: BenchmarkResult, metrics: list[str]
) -> None:
    random = np.random.default_rng(0)
    features = [random.normal(size=(N, DIM)).astype(np.float32) for _ in range(5)]
    mine, theirs = Measured(candidate, *features[:2]), Measured(champion, *features[2:4])

    changes = paired_changes("old", np.full(N, 0.01), np.linspace(0.01, 0.02, N), features[4], mine, theirs)

    assert [each.metric for each in changes] == metrics
    assert changes[0].high < 0
