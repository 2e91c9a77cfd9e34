"""Does the model fit this machine? A device that is not there is said before a step is tried on it."""

from __future__ import annotations

from deploy.settings import Settings
from latentloop.doctor.finding import Health
from latentloop.doctor.training import examine_training
from tests.latentloop.doctor.told import told


def test_a_device_that_this_machine_lacks_is_named_before_a_step_is_tried_on_it(settings: Settings) -> None:
    training = settings.training.model_copy(update={"device": "cuda:99"})
    health, line = told(examine_training(settings.model_copy(update={"training": training})), "model")
    assert health is Health.wrong and 'expected "cuda:99"' in line and 'LATENTLOOP_TRAINING__DEVICE="cpu"' in line
