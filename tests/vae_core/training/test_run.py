"""What happens around the steps of a training: budget, schedules, reports, and the end of one that diverges."""

from itertools import pairwise

import numpy as np
import pytest

from tests.vae_core.synthetic_images import TINY, recipe
from tests.vae_core.training.tiny_training import IMAGES, NanAtPass, TickingClock, building_with, run, same_weights
from vae_core.errors import DivergenceError
from vae_core.training.health.events import EventKind


def test_a_budget_in_steps_or_epochs_is_kept_exactly():
    assert run(recipe(7)).steps == 7
    by_epochs = run(recipe(2.5, "epochs"))  # 100 images are 6 batches of 16
    assert (by_epochs.steps, by_epochs.epochs) == (15, 2.5)


def test_a_budget_in_seconds_ends_by_the_clock():
    result = run(recipe(1.0, "seconds"), clock=TickingClock())
    assert 1.0 <= result.seconds_used < 1.1
    assert 40 <= result.steps <= 60  # two looks a step


def test_even_the_smallest_budget_makes_one_step():
    assert run(recipe(1e-9, "seconds")).steps == 1


@pytest.mark.parametrize("config", [recipe(40), recipe(40 / 6, "epochs"), recipe(1.0, "seconds")], ids=str)
def test_the_schedules_follow_the_used_share_whatever_the_unit(config):
    curve = run(config, log_every=1).curve
    for before, point in pairwise(curve):  # a step begins between two reports
        weights = [min(1.0, share / 0.1) for share in (before.share_done, point.share_done)]
        rates = [1e-3 - 7e-4 * share for share in (before.share_done, point.share_done)]
        assert weights[0] - 1e-9 <= point.beta <= weights[1] + 1e-9
        assert rates[0] + 1e-9 >= point.learning_rate >= rates[1] - 1e-9
    assert curve[0].beta < 0.2 and curve[-1].beta == 1.0 and curve[-1].share_done == 1.0


def test_progress_comes_in_intervals_and_its_parts_add_up():
    told = []
    result = run(recipe(50), log_every=20, on_progress=told.append)
    assert told == result.curve and [point.step for point in told] == [20, 40, 50]
    for point in told:
        assert point.neg_elbo == pytest.approx(point.nll + point.kl)
        assert point.images_per_s > 0 and 0 <= point.active_dims <= TINY.latent_dim
    assert told[0].epoch == pytest.approx(20 / 6)


def test_a_curve_tells_means_over_its_interval():
    fine, coarse = run(recipe(20), log_every=1).curve, run(recipe(20), log_every=20).curve
    assert coarse[0].nll == pytest.approx(np.mean([point.nll for point in fine]), rel=1e-9)
    assert coarse[0].kl == pytest.approx(np.mean([point.kl for point in fine]), rel=1e-6)


def test_divergence_names_step_and_batch_and_keeps_the_last_checkpoint(tmp_path):
    config = recipe(40, checkpoint_every_steps=5)
    spoilt = NanAtPass(13)
    with pytest.raises(DivergenceError, match="step 13 is not finite .* on images .* and 8 more") as raised:
        run(config, tmp_path, build=building_with(spoilt))
    assert raised.value.step == 13 and len(raised.value.batch_indices) == 16
    x = IMAGES[list(raised.value.batch_indices)] / np.float32(255)
    np.testing.assert_allclose(spoilt.seen[-1].numpy(), x, rtol=1e-6)
    resumed = run(config, tmp_path)
    assert resumed.resumed_from_step == 10 and same_weights(resumed, run(config))


def test_a_posterior_that_collapses_is_recorded():
    result = run(recipe(150, beta=1000, kl_warmup_share=0, learning_rate=1e-2))
    (event,) = result.events
    assert event.kind == EventKind.collapse_suspected and event.collapse.onset_step == event.step - 99
    assert result.curve[-1].active_dims == 0
