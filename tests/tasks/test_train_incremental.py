"""The incremental tier: the decoder alone moves, under the same codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deploy.stores.objects.artifacts import fetch_artifact
from tasks.dataset.images import read_benchmark
from tasks.plan import plan_retrain
from tasks.train import train_candidate
from tests.tasks.arrivals import ingest
from tests.tasks.opened import opened
from tests.tasks.season import capture_traffic
from vae_core.artifact import Artifact
from vae_core.inference import score_images
from vae_core.weights import encoder_digest

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
    # advice to people who let mlflow guess a signature; ours is written down
    pytest.mark.filterwarnings("ignore:.*An input example was not provided"),
]


def test_the_incremental_tier_moves_the_decoder_alone(home: Path) -> None:
    capture_traffic(known=300, new=0, seed=7_000, day=3)
    ingest()
    plan = plan_retrain.fn(opened(), "weekly", "incremental", "weekly")
    trained = train_candidate.fn(opened(), plan)

    assert plan.champion is not None and plan.benchmark_new is not None
    parent = fetch_artifact(opened().objects, plan.champion.artifact, plan.champion.digest, home / "parent")
    candidate = fetch_artifact(opened().objects, trained.prefix, trained.digest, home / "candidate")
    assert encoder_digest(candidate.model) == encoder_digest(parent.model) == candidate.summary.encoder_digest
    pixels = read_benchmark(opened().objects, plan.benchmark, 50)
    assert not np.array_equal(_decoded(parent, pixels), _decoded(candidate, pixels))
    assert plan.benchmark_new.n == 150, "a quarter of the 600 images of traffic"
    assert trained.mixing is None, "a window of known kinds is drawn as it came"


def _decoded(artifact: Artifact, pixels: np.ndarray) -> np.ndarray:
    return score_images(artifact.model, pixels).reconstruction
