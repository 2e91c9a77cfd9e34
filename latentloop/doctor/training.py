"""Does the model of the settings fit this machine? A few real steps of it are trained."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from deploy.settings import Settings
from latentloop.doctor.finding import Finding, note, ok, wrong
from latentloop.errors import TrialFailed
from latentloop.machine import memory_available
from latentloop.trial_steps import TrialSteps, try_steps
from tasks.run.device import find_missing_device

TRIAL_S = 3.0
SERVERS_BYTES = 2 * 2**30
"""Of Prefect, MLflow, controller, service and two workers: a round figure, above what they take without traffic."""


def examine_training(settings: Settings) -> Iterator[Finding]:
    """The cost of a step, then the memory of a training beside everything else."""
    training = settings.training
    if missing := find_missing_device(training.device):
        yield wrong("model", missing)
        return
    batch = training.full.batch_size
    images = np.random.default_rng(0).integers(0, 256, (batch, *training.model.shape), np.uint8)
    try:
        steps = try_steps(
            training.model, images, batch_size=batch, threads=training.threads, device=training.device, seconds=TRIAL_S
        )
    except TrialFailed as error:
        yield wrong("model", f"{error}: choose a smaller training.full.batch_size, training.model or preprocessing")
        return
    yield ok("model", _say_steps(settings, steps))
    yield _examine_memory(settings, steps)


def _say_steps(settings: Settings, steps: TrialSteps) -> str:
    training = settings.training
    shape = "x".join(str(each) for each in training.model.shape)
    others = "other processes take most of this machine now: " if steps.busy else ""
    return (
        f"{training.model.variant} on {shape}, {steps.parameters:,} parameters: {steps.seconds_per_step:.3f} s a step "
        f"of {steps.batch_size} on {training.device} ({others}{steps.say_rate()})"
    )


def _examine_memory(settings: Settings, steps: TrialSteps) -> Finding:
    """What a training holds: its process as tried, and its images, up to what the settings leave in memory."""
    training = settings.training
    images = min(training.pixels_in_memory_bytes, training.window_images * prod(settings.preprocessing.shape))
    needed, available = steps.peak_bytes + images + SERVERS_BYTES, memory_available()
    line = (
        f"{available / 1e9:,.1f} GB available; a training on {training.window_images:,} images and the servers beside "
        f"it take about {needed / 1e9:,.1f} GB"
    )
    if needed <= available:
        return ok("memory", line)
    return note("memory", f"{line}: lower training.pixels_in_memory_bytes or training.window_images, or add memory")
