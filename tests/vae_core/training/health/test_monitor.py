import re

import pytest
import torch

from vae_core.training.health.events import CollapseSign, EventKind
from vae_core.training.health.monitor import COLLAPSED_NATS, SUSPICIOUS_STEPS, CollapseMonitor

DIMS = 32


def watch(steps, warming=False):
    """Events of steps that are each told as a mean KL per dimension, or as the KL of every dimension."""
    monitor, events = CollapseMonitor(), []
    for step, kl in enumerate(steps, 1):
        kl_dims = torch.full((DIMS,), kl) if isinstance(kl, float) else torch.tensor(kl)
        events.append(monitor.watch(step, kl_dims, warming=warming))
    return [event for event in events if event]


def active(count: int, nats: float = 2.0) -> list[float]:
    return [nats] * count + [0.001] * (DIMS - count)


def test_a_collapsed_posterior_is_suspected_after_a_hundred_steps_and_once():
    (event,) = watch([0.001] * 350)
    assert (event.kind, event.step) == (EventKind.collapse_suspected, 100)
    assert "KL 0.0010 nats per dimension < 0.01 for 100 steps: lower beta" in event.detail
    assert (event.collapse.sign, event.collapse.onset_step) == (CollapseSign.kl_below, 1)
    assert event.collapse.measured == pytest.approx(0.001) and event.collapse.limit == COLLAPSED_NATS


def test_one_step_with_kl_begins_the_count_anew():
    assert watch(([0.0] * (SUSPICIOUS_STEPS - 1) + [1.0]) * 5) == []


def test_a_second_collapse_is_a_second_event():
    events = watch([0.0] * 120 + [0.5] + [0.0] * 120)
    assert [(event.step, event.collapse.onset_step) for event in events] == [(100, 1), (221, 122)]


@pytest.mark.parametrize("kl", [0.5, COLLAPSED_NATS * 1.001])
def test_a_healthy_kl_is_not_suspected(kl):
    assert watch([kl] * 500) == []


def test_few_dimensions_that_carry_everything_are_suspected_although_the_mean_is_healthy():
    (event,) = watch([active(10)] * 7 + [active(3)] * 200)  # 3 of 32 are 9 %
    assert event.collapse.sign == CollapseSign.few_active
    assert (event.step, event.collapse.onset_step) == (107, 8)
    assert (event.collapse.measured, event.collapse.limit) == (3.0, pytest.approx(3.2))
    assert event.detail.startswith("3 of 32 dimensions active < 3.2 for 100 steps: lower beta")


@pytest.mark.parametrize("count", [4, 19])
def test_a_model_with_more_than_a_tenth_active_is_healthy_although_most_may_be_inactive(count):
    assert watch([active(count)] * 300) == []


def test_ten_active_dimensions_are_enough_in_a_latent_space_of_any_size():
    monitor = CollapseMonitor()
    carried = torch.tensor([0.8] * 10 + [0.0005] * 990)
    carried[10:] += 0.003  # so that the mean stays above its own limit
    assert all(monitor.watch(step, carried, warming=False) is None for step in range(1, 300))


def test_while_warming_few_active_dimensions_are_normal_and_are_counted_in_silence():
    assert watch([active(2)] * 300, warming=True) == []
    monitor = CollapseMonitor()
    for step in range(1, 200):
        assert monitor.watch(step, torch.tensor(active(2 if step > 30 else 9)), warming=step <= 100) is None
    event = monitor.watch(200, torch.tensor(active(2)), warming=False)
    assert event.collapse.onset_step == 31  # told a hundred steps after the warm-up, and begun within it
    assert (monitor.active_steps_warming, monitor.active_steps_below) == (70, 100)


def test_dimensions_that_become_active_end_the_silent_count():
    monitor = CollapseMonitor()
    for step in range(1, 101):
        monitor.watch(step, torch.tensor(active(2)), warming=step <= 50)
    monitor.watch(101, torch.tensor(active(9)), warming=False)
    assert monitor.onsets(101) == (102, 102)


def test_the_onsets_of_both_signs_are_those_of_their_stretches():
    monitor = CollapseMonitor()
    for step in range(1, 51):
        monitor.watch(step, torch.tensor(active(2) if step < 40 else [0.0] * DIMS), warming=step <= 20)
    assert monitor.onsets(50) == (40, 1)


def test_both_signs_of_one_collapse_are_one_event():
    events = watch([active(3)] * 30 + [0.0] * 300)
    assert [(event.step, event.collapse.sign) for event in events] == [(100, CollapseSign.few_active)]


def test_the_counts_go_on_after_a_resume():
    nothing, few = torch.zeros(DIMS), torch.tensor(active(2))
    assert CollapseMonitor(kl_steps_below=99).watch(1000, nothing, warming=True).collapse.onset_step == 901
    assert CollapseMonitor(active_steps_below=99).watch(1000, few, warming=False).collapse.onset_step == 901


def test_no_advice_is_to_raise_beta_or_the_latent_size():
    for event in [*watch([0.0] * 100), *watch([active(2)] * 100)]:
        assert not re.search(r"(raise|increase|higher|larger|more) (beta|latent)", event.detail)
        assert "lower beta" in event.detail
