"""What a compressed clock shortens of the controller's times, and what a process needs however short the days are."""

from __future__ import annotations

from deploy.controller.config import ControllerConfig


def test_only_pauses_are_compressed() -> None:
    config = ControllerConfig()

    compressed = config.compressed(0.01)

    shorter = {"reconcile_s": config.reconcile_s / 100, "measure_retry_s": config.measure_retry_s / 100}
    assert compressed == config.model_copy(update=shorter)
