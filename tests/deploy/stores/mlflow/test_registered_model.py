"""A registered version as somebody loads it from MLflow: no pickle, and the artifact's own answers."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.stores.mlflow.registry import Registry
from tests.deploy.serving.house import pictures
from tests.deploy.stores.mlflow.registering import MARKS, Logged, create
from vae_core.inference import score_images

pytestmark = MARKS


def test_a_logged_model_loads_without_pickle_and_answers_as_the_artifact(
    registry: Registry, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    version, pixels = create(registry, logged), pictures(3, seed=6)
    assert logged.uri.startswith("models:/m-")
    answer = mlflow.pyfunc.load_model(f"models:/{registry.product}/{version.version}").predict({"pixels": pixels})
    expected = score_images(logged.artifact.model, pixels)
    np.testing.assert_allclose(answer["recon_error"], expected.recon_error, rtol=1e-5)
    np.testing.assert_allclose(answer["mu"], expected.mu, rtol=1e-4, atol=1e-5)
    assert answer["reconstruction"].shape == (3, 1, 28, 28)
