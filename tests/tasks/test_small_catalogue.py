"""A flat folder of three hundred pictures: trained on, measured, served and trained on again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.evaluate import evaluate_candidate
from tasks.gate import judge_candidate
from tasks.plan import plan_retrain, validate_plan
from tasks.train import train_candidate
from tasks.values import Evaluated
from tests.data_checks.near_duplicates.copies import pictures
from tests.tasks.arrivals import ingest
from tests.tasks.opened import opened
from tests.tasks.season import VAE, serve, settled, ship
from vae_core.evaluation.benchmark_result import BenchmarkResult

DEFAULTS = {
    "EVALUATION__HOLDOUT_MIN": "5000",
    "EVALUATION__HOLDOUT_SHARE": "0.2",
    "EVALUATION__N_IMAGES": "5000",
    "EVALUATION__N_SAMPLES": "150",
    "DRIFT__MIN_REFERENCE": "500",
}


def test_three_hundred_pictures_make_a_first_version_and_a_second(
    tmp_path: Path, mlflow_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in DEFAULTS.items():
        monkeypatch.setenv(f"LATENTLOOP_{name}", value)
    with settled(tmp_path, mlflow_url, VAE, product="three-hundred"):
        ship("folder", np.ascontiguousarray(pictures(300)[:, 0]))
        ingest()
        first = _train("first")
        serve(first.digest, first.artifact)
        ship("folder", np.ascontiguousarray(pictures(40, seed=7)[:, 0]))
        ingest()
        second = _train("second")
        assert second.digest != first.digest


def _train(key: str) -> Evaluated:
    plan = plan_retrain.fn(opened(), key, "full", key)
    validate_plan.fn(opened(), plan)
    evaluated: Evaluated = evaluate_candidate.fn(opened(), plan, train_candidate.fn(opened(), plan))
    verdict = judge_candidate.fn(opened(), plan, evaluated)
    assert plan.benchmark.n == 60 and "60 of 300 images (20%)" in plan.benchmark.cut
    assert plan.n_training == (240 if key == "first" else 280)
    result = BenchmarkResult.model_validate_json(opened().objects.get(evaluated.benchmark).data)
    assert result.n_samples == 150, "beside sixty images, samples are not the ones to be few"
    assert evaluated.sight.startswith("drift cannot be judged yet: the reference holds 60 images, at least 500 are ")
    if key == "second":
        assert any("kid_efflite0" in each.name for each in verdict.evidence)
    return evaluated
