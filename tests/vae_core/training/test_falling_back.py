"""Trainings that end in doubt, and fall back to a snapshot."""

from dataclasses import replace

import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from tests.vae_core.training.fading_vae import BLIND_AFTER, build_fading, train_fading
from tests.vae_core.training.recovery.test_recovery import on_one_thread
from vae_core.families.build import build_model
from vae_core.training.checkpoints.snapshots import take_snapshot
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.events import EventKind
from vae_core.training.health.quick_benchmark import Bars, measure_quickly
from vae_core.training.loop import train
from vae_core.training.recovery.fallback import fall_back_where_suspect, restore_snapshot

BENCHMARK = boxes(200, seed=9)
BARS = Bars(min_active_units=2, min_explained_variance=0.3)


@pytest.fixture(scope="module")
def suspect(tmp_path_factory):
    """A training that fades, recovers once and fades again, and its folder."""
    folder = tmp_path_factory.mktemp("fading")
    with on_one_thread():
        return train_fading(folder, max_recoveries=1), folder


@pytest.fixture(scope="module")
def healthy():
    with on_one_thread():
        config = recipe(150, snapshots=2, learning_rate=2e-2, beta=0.2, kl_warmup_share=0.1, free_bits_nats=0.0)
        return train(TrainingData(boxes(100)), TINY, config, Execution(lambda: 0.0))


def equal_weights(model, other) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(each, theirs[name]) for name, each in model.state_dict().items())


def test_a_training_that_ends_suspect_falls_back_to_the_snapshot_of_the_highest_kl_that_passes(suspect):
    result, _ = suspect
    assert result.is_suspect and result.attempts == 2 and measure_quickly(result.model, BENCHMARK).is_collapsed
    fallen = fall_back_where_suspect(result, BENCHMARK, BARS)
    best = max(result.snapshots, key=lambda each: each.kl)
    assert 0 < fallen.best_step == best.step <= BLIND_AFTER < result.steps == fallen.steps
    assert equal_weights(fallen.model, restore_snapshot(build_fading(TINY, 3), best)) and not fallen.model.training
    found = measure_quickly(fallen.model, BENCHMARK)
    assert found.active_units >= 2 and found.explained_variance > 0.3
    *others, event = fallen.events
    assert tuple(others) == result.events and (event.kind, event.step) == (EventKind.fell_back, result.steps)
    assert (event.fallback.step, event.fallback.kl, event.fallback.tried) == (best.step, best.kl, 1)
    for words in (f"weights of step {best.step}", "4 of 4 units active", "0 of 4 units active", "1 tried"):
        assert words in event.detail
    assert "\n" not in event.detail


def test_snapshots_of_before_the_onset_count_after_a_recovery_and_what_was_given_up_does_not(suspect):
    result, _ = suspect
    steps = [each.step for each in result.snapshots]
    from_step = next(each.recovery.from_step for each in result.events if each.recovery)
    assert [step for step in steps if step <= from_step] == [40, 80, 120] and from_step == 120
    # the first attempt had more, at its steps 160 and 200
    assert steps == sorted(set(steps)) and not {160, 200} & set(steps) and steps[-1] == result.steps


@pytest.mark.parametrize("bars", [Bars(2, 0.99), Bars(5, 0.0)], ids=["explained variance", "active units"])
def test_where_none_passes_the_weights_stay_and_an_event_says_so(suspect, bars):
    result, _ = suspect
    kept = fall_back_where_suspect(result, BENCHMARK, bars)
    assert kept.model is result.model and kept.best_step is None
    event = kept.events[-1]
    assert (event.kind, event.fallback.step, event.fallback.kl) == (EventKind.weights_kept, None, None)
    assert event.fallback.tried == event.fallback.at_final_beta == len(result.snapshots)
    assert f"none of {len(result.snapshots)} snapshots at beta 0.2 passes the benchmark" in event.detail


def test_snapshots_at_another_beta_are_not_asked(suspect):
    result, _ = suspect
    kept = fall_back_where_suspect(replace(result, final_beta=0.1), BENCHMARK, BARS)
    assert kept.model is result.model and kept.events[-1].fallback.tried == 0
    assert "there is no snapshot at beta 0.1" in kept.events[-1].detail


def test_interrupted_before_its_end_and_begun_again_it_falls_back_to_the_same_weights(suspect, tmp_path):
    def stop(progress):
        if told.append(progress.step) or len(told) == 13:  # a report every 20 steps: in the second attempt
            raise KeyboardInterrupt

    told = []
    with pytest.raises(KeyboardInterrupt):
        train_fading(tmp_path, stop, max_recoveries=1)
    resumed, whole = train_fading(tmp_path, max_recoveries=1), suspect[0]
    assert resumed.resumed_from_step is not None
    one, other = (fall_back_where_suspect(each, BENCHMARK, BARS) for each in (resumed, whole))
    assert equal_weights(one.model, other.model) and one.best_step == other.best_step
    assert one.events[-1] == other.events[-1]
    again = fall_back_where_suspect(
        train_fading(tmp_path, max_recoveries=1), BENCHMARK, BARS
    )  # finished: nothing is trained
    assert equal_weights(again.model, one.model) and again.events[-1] == one.events[-1]


def test_a_healthy_training_is_handed_over_as_it_is(healthy):
    assert not healthy.is_suspect and healthy.final_beta == 0.2
    assert fall_back_where_suspect(healthy, BENCHMARK, BARS) is healthy


def test_weights_that_pass_themselves_stay_though_their_training_was_suspected(healthy, suspect):
    doubted = replace(healthy, events=suspect[0].events)
    kept = fall_back_where_suspect(doubted, BENCHMARK, BARS)
    assert kept.model is healthy.model and kept.events[-1].kind == EventKind.weights_kept
    assert "they pass the benchmark themselves" in kept.events[-1].detail and kept.events[-1].fallback.tried == 0


def test_weights_that_encode_nothing_are_in_doubt_though_no_step_was_suspected(healthy):
    blind = build_model(TINY, 4).eval()
    with torch.no_grad():
        blind.to_posterior.weight.zero_()
    empty = take_snapshot(blind, 60, 99.0, 0.2)  # the highest KL that is claimed, and not what passes
    result = replace(healthy, model=blind, snapshots=(*healthy.snapshots, empty))
    fallen = fall_back_where_suspect(result, BENCHMARK, BARS)
    assert not result.is_suspect and fallen.events[-1].kind == EventKind.fell_back
    assert fallen.events[-1].fallback.tried == 2 and fallen.best_step in (75, 150)
    assert "too few units are active (0 of 4 units active" in fallen.events[-1].detail
