"""A training whose pixels are more than memory should hold: from a file, with the same weights, and none after it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deploy.stores.objects.artifacts import fetch_artifact
from tasks.run.steps import finished_step, step_key
from tasks.train import train_plan
from tasks.values import RetrainPlan, Trained
from tests.tasks.opened import forget, opened
from tests.tasks.season import planned_again
from vae_core.priors.gaussian_mixture import GaussianMixturePrior
from vae_core.training.data.training_data import TrainingData
from vae_core.training.recovery.recovery import train_with_recovery
from vae_core.training.result import TrainResult
from vae_core.weights import copy_weights, digest_weights

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),  # mlflow of its own types
]


def _finished() -> tuple[RetrainPlan, Trained]:
    """The first retraining, whose pixels lay in memory."""
    plan, trained = (
        finished_step(opened().objects, "first", "plan", RetrainPlan),
        finished_step(opened().objects, "first", "trained", Trained),
    )
    assert plan is not None and trained is not None
    return plan, trained


def test_a_training_over_the_limit_is_from_a_file_and_ends_with_the_same_weights(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, first = _finished()
    before = fetch_artifact(opened().objects, first.prefix, first.digest, home / "first-fetched")
    limit = first.n_images * math.prod(plan.preprocessing.shape) - 1
    monkeypatch.setenv("LATENTLOOP_TRAINING__PIXELS_IN_MEMORY_BYTES", str(limit))
    forget()
    seen = list[np.ndarray]()

    def look(data: TrainingData, *given: Any, **more: Any) -> TrainResult:
        seen.append(data.images)
        return train_with_recovery(data, *given, **more)

    plan = planned_again(plan, "from-file")
    trained = train_plan(opened(), plan, look)

    (pixels,) = seen
    assert isinstance(pixels, np.memmap) and len(pixels) == trained.n_images == first.n_images
    after = fetch_artifact(opened().objects, trained.prefix, trained.digest, home / "fetched")
    assert digest_weights(copy_weights(after.model)) == digest_weights(copy_weights(before.model))
    priors = [each.prior.to_tensors() for each in (before, after) if isinstance(each.prior, GaussianMixturePrior)]
    assert len(priors) == 2 and all(torch.equal(tensor, priors[1][name]) for name, tensor in priors[0].items())
    assert [each.name for each in (opened().settings.work_folder / "from-file").iterdir()] == ["checkpoints"]

    # killed before the step was kept, and begun again: the pixels of another file are those of its checkpoints
    opened().objects.delete(step_key("from-file", "trained"))
    again = train_plan(opened(), plan, look)
    assert len(seen) == 2 and seen[1] is not pixels and again.resumed_from_step == trained.steps == 200
