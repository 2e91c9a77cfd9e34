import pytest

from vae_core.training.events import EventKind
from vae_core.training.monitor import COLLAPSED_NATS, SUSPICIOUS_STEPS, KlMonitor

DIMS = 32


def watch(kls):
    monitor = KlMonitor()
    return [event for step, kl in enumerate(kls, 1) if (event := monitor.watch(step, kl, DIMS))]


def test_a_collapsed_posterior_is_suspected_after_a_hundred_steps_and_once():
    events = watch([0.001 * DIMS] * 350)
    assert [(event.kind, event.step) for event in events] == [(EventKind.collapse_suspected, 100)]
    assert "KL 0.0010 nats per dimension < 0.01 for 100 steps: lower beta" in events[0].detail


def test_one_step_with_kl_begins_the_count_anew():
    assert watch(([0.0] * (SUSPICIOUS_STEPS - 1) + [1.0]) * 5) == []


def test_a_second_collapse_is_a_second_event():
    assert [event.step for event in watch([0.0] * 120 + [15.0] + [0.0] * 120)] == [100, 221]


@pytest.mark.parametrize("kl", [15.0, COLLAPSED_NATS * DIMS])
def test_a_healthy_kl_is_not_suspected_although_most_dimensions_may_be_inactive(kl):
    assert watch([kl] * 500) == []


def test_the_count_goes_on_after_a_resume():
    assert KlMonitor(steps_below=99).watch(1000, 0.0, DIMS).step == 1000
