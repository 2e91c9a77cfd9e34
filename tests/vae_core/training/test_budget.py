import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_core.config import Budget
from vae_core.training.budget import BudgetMeter


class HandClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("amount", "unit", "steps", "share"),
    [(10, "steps", 5, 0.5), (2, "epochs", 10, 0.5), (0.25, "epochs", 3, 1.0), (2.5, "steps", 2, 2 / 3)],
)
def test_steps_are_counted_against_whole_steps(amount, unit, steps, share):
    meter = BudgetMeter(Budget(amount=amount, unit=unit), steps_per_epoch=10, clock=HandClock())
    assert meter.share(steps) == pytest.approx(share)


def test_seconds_are_those_of_the_clock_whatever_it_began_at():
    clock = HandClock()
    meter = BudgetMeter(Budget(amount=60, unit="seconds"), steps_per_epoch=10, clock=clock)
    clock.now += 15
    assert meter.share(steps_done=999) == 0.25 and meter.seconds_used() == 15


def test_seconds_before_a_resume_count():
    clock = HandClock()
    meter = BudgetMeter(Budget(amount=60, unit="seconds"), steps_per_epoch=10, clock=clock, seconds_before=45)
    assert meter.share(0) == 0.75
    clock.now += 100
    assert meter.share(0) == 1.0


@given(st.floats(0.01, 1e6), st.sampled_from(["steps", "epochs"]), st.integers(1, 1000), st.integers(0, 10**7))
def test_the_share_never_falls_and_ends_at_one(amount, unit, steps_per_epoch, steps):
    meter = BudgetMeter(Budget(amount=amount, unit=unit), steps_per_epoch, clock=HandClock())
    assert 0 <= meter.share(steps) <= meter.share(steps + 1) <= 1
    assert meter.share(10**10) == 1
