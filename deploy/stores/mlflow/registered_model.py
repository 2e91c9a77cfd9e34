"""The registered model as code: MLflow runs this file, and reads safetensors and JSON, never a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from vae_core.artifact import read_artifact
from vae_core.inference import score_images


class RegisteredVae(PythonModel):  # type: ignore[misc]
    """Reconstructs uint8 images `(B, C, H, W)`; answers `reconstruction` in [0, 1], `mu` and `recon_error`.

    So it does the columns that its family has beside those: `codes` and `code_distance`, or `logvar` and `kl`.
    """

    def load_context(self, context: Any) -> None:
        """Verify every digest of the artifact folder and load it."""
        self._artifact = read_artifact(Path(context.artifacts["artifact"]), expected_digest=None)

    # without annotations: MLflow would try to make a signature of them, and ours is given when the model is logged
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Images in, reconstruction, code and error out."""
        # a named TensorSpec hands over a dict
        pixels = model_input["pixels"] if isinstance(model_input, dict) else model_input
        scores = score_images(self._artifact.model, np.asarray(pixels, dtype=np.uint8))
        told = {"reconstruction": scores.reconstruction, "mu": scores.mu, "recon_error": scores.recon_error}
        return {**told, **scores.own}


set_model(RegisteredVae())
