"""What the model card tells of a training beside its weights."""

from __future__ import annotations

import pytest

from tasks.card.training import plain, tell_training
from tasks.values import InformationBounds, Trained, TrainingEvent

TRAINED = Trained(
    key="one", prefix="runs/one/trained", digest="d", steps=18_750, epochs=40, seconds=600, resumed_from_step=None
)


def _look(step: int, lower: float, upper: float, n: int = 10_000) -> InformationBounds:
    return InformationBounds(step=step, lower=lower, upper=upper, n=n)


def test_a_training_that_nobody_needs_to_hear_of_is_no_line() -> None:
    assert tell_training(TRAINED) == []


def test_the_bounds_are_one_line_with_the_last_the_first_and_their_number() -> None:
    looks = (_look(4_000, 8.1, 17.25), _look(8_000, 8.3, 16.5), _look(18_750, 8.42, 15.5))
    assert tell_training(TRAINED.model_copy(update={"information": looks})) == [
        "Mutual information of images and codes, bounds on benchmark_old (n = 10,000): 8.42 to 15.50 nats at step "
        "18,750, where the lower one is at most log n = 9.21; 8.10 to 17.25 nats at step 4,000, the first of 3 looks."
    ]


def test_one_look_is_told_alone_and_too_few_images_are_said() -> None:
    (line,) = tell_training(TRAINED.model_copy(update={"information": (_look(900, 7.5, 15.5, n=5_120),)}))
    assert line == (
        "Mutual information of images and codes, bounds on benchmark_old (n = 5,120, fewer than the 10,000 wanted): "
        "7.50 to 15.50 nats at step 900, where the lower one is at most log n = 8.54."
    )


@pytest.mark.parametrize("kind", ["fell_back", "weights_kept", "collapse_suspected", "restarted"])
def test_every_event_is_a_line_with_its_step_and_its_kind(kind: str) -> None:
    event = TrainingEvent(kind=kind, step=18_750, detail="0 of 32 units active [so]")
    assert tell_training(TRAINED.model_copy(update={"events": (event,)})) == [
        f"While training, step 18,750: `{kind}`: 0 of 32 units active \\[so\\]."
    ]


def test_brackets_are_no_link() -> None:
    assert plain("[-1, 1]") == "\\[-1, 1\\]"
