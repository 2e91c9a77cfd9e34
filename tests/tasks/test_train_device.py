"""A training on the device of the settings: refused before any work where it is absent."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from deploy.stores.errors import ObjectMissing
from deploy.stores.objects.artifacts import fetch_artifact
from tasks.dataset.rows import fix_rows
from tasks.errors import DeviceMissing
from tasks.plan import may_pass_later
from tasks.train import train_candidate
from tests.tasks.card.test_model_card import PLAN
from tests.tasks.conftest import Configure
from tests.tasks.opened import forget, opened
from tests.tasks.season import change_season, plan_emergency
from tests.tasks.watched_devices import devices_of


def test_a_training_is_refused_before_it_reads_an_image_and_is_not_tried_again(configure: Configure) -> None:
    configure('[training]\ndevice = "cuda:99"\n')
    with pytest.raises(ObjectMissing):  # what whoever reads images finds first
        fix_rows(opened(), opened().catalogue, PLAN)
    with pytest.raises(DeviceMissing) as raised:
        train_candidate.fn(opened(), PLAN)
    assert train_candidate.retry_condition_fn is may_pass_later
    state: Any = SimpleNamespace(data=raised.value)
    assert not may_pass_later(None, None, state), "what we refuse stays refused"


@pytest.mark.server
@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # mlflow of its own types
def test_an_emergency_is_planned_and_learnt_on_a_gpu(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_TRAINING__DEVICE", "cuda")
    forget()
    change_season()
    plan = plan_emergency()
    trained = train_candidate.fn(opened(), plan)
    artifact = fetch_artifact(opened().objects, trained.prefix, trained.digest, home / "fetched")
    assert trained.best_step is not None and artifact.prior is not None and devices_of(artifact.model) == {"cpu"}
