"""The budget is what ten minutes of this machine hold, within reason, and says what it takes."""

from __future__ import annotations

import pytest

from latentloop.init.proposing.budget import propose_budget


@pytest.mark.parametrize(
    ("images", "rate", "epochs", "seconds"),
    [
        (60_000, 4_000, 40, 600),
        (6_000, 1_000, 100, 600),
        (300, 3_000, 1_000, 100),
        (1_000_000, 1_000, 10, 10_000),
        (6_400, 100, 30, 1_920),
    ],
)
def test_epochs_are_as_many_as_ten_minutes_have_but_not_too_few_and_not_too_many(
    images: int, rate: float, epochs: int, seconds: float
) -> None:
    budget = propose_budget(images, 64, rate, measured=True)

    assert budget.epochs.value == epochs
    assert budget.seconds == pytest.approx(seconds)


def test_a_guess_is_called_one() -> None:
    assert "not measured" in propose_budget(100, 64, 10.0, measured=False).epochs.why
    assert "measured here" in propose_budget(100, 64, 10.0, measured=True).epochs.why


def test_the_rate_says_of_what_it_is() -> None:
    """Beside `203 images/s beside them` a bare `1,020 images/s` looked like a contradiction."""
    assert (
        "1,020 images/s in training steps while nothing else runs"
        in propose_budget(2_936, 64, 1_020.0, measured=True).epochs.why
    )


def test_a_person_in_a_hurry_gets_the_minutes_that_she_asked_for_in_training_and_prior_together() -> None:
    budget = propose_budget(1_600, 64, 1_000.0, measured=True, minutes=1.0)

    assert (budget.epochs.value, budget.prior_s.value) == (25, 20)
    assert budget.seconds + budget.prior_s.value == pytest.approx(60)
    assert "unused" not in budget.epochs.why


def test_fewer_steps_than_a_version_can_pass_its_gate_with_are_planned_for_nobody() -> None:
    epochs = propose_budget(2_043, 64, 250.0, measured=True, minutes=0.5).epochs
    assert epochs.value == 4, "two, which half a minute has at that speed, left a third of the variance explained"
    assert "fewer than 120 steps hardly make a version that passes its gate" in epochs.why
    assert "hardly make a version" not in propose_budget(2_043, 64, 1_000.0, measured=True, minutes=0.5).epochs.why


@pytest.mark.parametrize("minutes", [1e9, 1e308])
def test_more_minutes_than_the_most_epochs_take_are_told_to_be_unused(minutes: float) -> None:
    epochs = propose_budget(1_600, 64, 1_000.0, measured=True, minutes=minutes).epochs

    assert epochs.value == 1_000
    assert epochs.why.endswith(
        f"the most epochs that are planned, which leaves some of your {minutes:g} minutes unused"
    )
