"""What a result says of the attempts that it took."""

from dataclasses import replace

import pytest

from tests.vae_core.synthetic_images import recipe
from tests.vae_core.training.tiny_training import run
from vae_core.training.health.events import EventKind, TrainEvent
from vae_core.training.result import TrainResult

SUSPECTED, RESTARTED, RESUMED = EventKind.collapse_suspected, EventKind.restarted, EventKind.resumed


@pytest.fixture(scope="module")
def one_step() -> TrainResult:
    return run(recipe(1))


@pytest.mark.parametrize(
    ("kinds", "attempts", "is_suspect"),
    [
        ((), 1, False),
        ((RESUMED, RESUMED), 1, False),
        ((SUSPECTED,), 1, True),
        ((SUSPECTED, RESTARTED), 2, False),
        ((SUSPECTED, RESTARTED, SUSPECTED), 2, True),
        ((SUSPECTED, RESTARTED, SUSPECTED, RESTARTED, RESUMED), 3, False),
        ((EventKind.codes_unused, RESTARTED), 2, False),
        ((SUSPECTED, RESUMED), 1, True),
    ],
)
def test_it_is_suspect_where_the_last_attempt_was_suspected_too(one_step, kinds, attempts, is_suspect):
    result = replace(one_step, events=tuple(TrainEvent(kind, 1, "so") for kind in kinds))
    assert (result.attempts, result.is_suspect) == (attempts, is_suspect)
