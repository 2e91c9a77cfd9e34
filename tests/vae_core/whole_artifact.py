"""A version that has all its parts."""

import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.artifact import Artifact, TrainingSummary, make_golden
from vae_core.families.build import build_model
from vae_core.images.preprocessing import Preprocessing
from vae_core.priors.gaussian_mixture import GaussianMixturePrior
from vae_core.reference import measure_reference

PARTS = ("weights.safetensors", "prior.safetensors", "reference.safetensors", "golden.safetensors")


def whole_artifact(seed: int = 0) -> Artifact:
    """Of a tiny VAE whose first weights follow the seed."""
    model = build_model(TINY, seed=seed).eval()
    identity = torch.eye(4, dtype=torch.float64)
    return Artifact(
        model=model,
        model_config=TINY,
        preprocessing=Preprocessing(height=8, width=8),
        prior=GaussianMixturePrior(torch.ones(1).double(), torch.zeros(1, 4).double(), identity[None]),
        reference=measure_reference(model, boxes(10)),
        golden=make_golden(model, boxes(3)),
        summary=TrainingSummary(steps=3, epochs=0.5, seconds=1.5, train_config=recipe(), dataset_version="7"),
    )
