"""A training's curve as columns of its family, and where a training or the fit of a prior stands, in words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.stores.objects.local import LocalObjects
from tasks.run.curve import curve_key, keep_curve, say_code_prior, say_training
from vae_core.priors.fit_code_prior import CodePriorProgress
from vae_core.training.health.progress import TrainProgress

AT_20 = TrainProgress(step=20, epoch=0.5, share_done=0.1, learning_rate=1e-3, images_per_s=None)
VAE = replace(AT_20, neg_elbo=301.26, nll=290.0, kl=11.26, beta=0.5, active_dims=3)
VQ_VAE = replace(AT_20, squared_error=12.346, commitment=0.25, codes_used=1_500, perplexity=210.4)


@pytest.mark.parametrize(
    ("report", "own", "beside"),
    [
        (VAE, {"neg_elbo": 301.26, "nll": 290.0, "kl": 11.26, "beta": 0.5}, {"squared_error", "codes_used"}),
        (VQ_VAE, {"squared_error": 12.346, "commitment": 0.25, "codes_used": 1_500, "perplexity": 210.4}, {"kl"}),
    ],
    ids=["vae", "vq"],
)
def test_the_curve_that_is_kept_has_the_columns_of_its_family_one_value_a_report(
    tmp_path: Path, report: TrainProgress, own: dict[str, float], beside: set[str]
) -> None:
    world: Any = SimpleNamespace(objects=LocalObjects(tmp_path))
    keep_curve(world, "one", [report, replace(report, step=1_240, epoch=31.0)])
    columns = json.loads(world.objects.get(curve_key("one")).data)
    assert columns.pop("step") == [20, 1_240] and columns.pop("epoch") == [0.5, 31.0]
    assert columns == {name: [value] * 2 for name, value in (own | {"learning_rate": 1e-3}).items()}
    assert not beside & columns.keys()


def test_where_a_training_stands_is_said_in_the_words_of_its_family() -> None:
    assert say_training(replace(VAE, step=1_240, epoch=31.04)) == (
        "step 1,240, 31.0 passes over the images, −ELBO 301.3, KL 11.3 nats"
    )
    assert say_training(VQ_VAE) == (
        "step 20, 0.5 passes over the images, squared error 12.35, 1,500 codes used, perplexity 210"
    )


def test_the_fit_of_a_prior_is_told_by_the_nats_of_one_code() -> None:
    progress = CodePriorProgress(1_040, 3.25, 0.5, nll=90.0, held_out_nll=98.0, learning_rate=1e-3, images_per_s=None)
    assert say_code_prior(progress, positions=49) == (
        "over codes: step 1,040, 3.2 passes over them, 2.000 nats per held-out code"
    )
