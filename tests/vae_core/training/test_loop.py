import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.errors import CheckpointError, DataError, DivergenceError
from vae_core.families.conv_vae.model import ConvVae
from vae_core.training.health.events import EventKind
from vae_core.training.loop import train

IMAGES = boxes(100)


class TickingClock:
    """Every look at it is a hundredth of a second later."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


def run(config, folder=None, images=IMAGES, clock=None, **options):
    return train(images, TINY, config, clock=clock or TickingClock(), checkpoint_folder=folder, **options)


def interrupt(config, folder, step, **options):
    """Train until a person stops it, at the first report from this step on."""

    def stop(progress):
        if progress.step >= step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config, folder, on_progress=stop, **options)


def same_weights(one, other) -> bool:
    theirs = other.model.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in one.model.state_dict().items())


def without_speed(curve):
    return [replace(point, images_per_s=None) for point in curve]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_learns(precision):
    result = run(recipe(300, learning_rate=3e-3, precision=precision), images=boxes(500))
    assert result.curve[-1].neg_elbo < 0.8 * result.curve[0].neg_elbo
    assert result.events == () and not result.model.training and result.resumed_from_step is None


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


@pytest.mark.parametrize(
    "change",
    [{"final_learning_rate": 1e-3}, {"free_bits_nats": 0.0}, {"beta": 2.0}, {"kl_warmup_share": 0.9}],
)
def test_every_part_of_the_recipe_reaches_the_weights(change):
    assert not same_weights(run(recipe(20)), run(recipe(20, **change)))


def test_free_bits_count_while_warming_only():
    one, other = (run(recipe(20, kl_warmup_share=0, free_bits_nats=floor)) for floor in (0.0, 5.0))
    assert same_weights(one, other)


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


def test_two_trainings_of_one_seed_are_equal_bit_for_bit_and_another_seed_differs():
    before = torch.get_rng_state()
    one, same, other = run(recipe(10)), run(recipe(10)), run(recipe(10, seed=1))
    assert same_weights(one, same) and not same_weights(one, other)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(tmp_path, precision):
    config = recipe(40, precision=precision, checkpoint_every_steps=8)
    interrupt(config, tmp_path, step=21, log_every=3)  # the last checkpoint lies within an interval
    resumed, whole = run(config, tmp_path, log_every=3), run(config, log_every=3)
    assert resumed.resumed_from_step == 16
    assert same_weights(resumed, whole)
    assert without_speed(resumed.curve) == without_speed(whole.curve)
    assert [event.kind for event in resumed.events] == [EventKind.resumed]


def test_a_second_interruption_is_no_different(tmp_path):
    config = recipe(40, checkpoint_every_steps=5)
    interrupt(config, tmp_path, step=13, log_every=1)
    interrupt(config, tmp_path, step=28, log_every=1)
    resumed = run(config, tmp_path)
    assert same_weights(resumed, run(config))
    assert [event.kind for event in resumed.events] == [EventKind.resumed, EventKind.resumed]


def test_the_seconds_before_an_interruption_are_used_up(tmp_path):
    config = recipe(2.0, "seconds", checkpoint_every_steps=5)
    interrupt(config, tmp_path, step=25, log_every=1)
    resumed = run(config, tmp_path, log_every=1)
    assert 2.0 <= resumed.seconds_used < 2.2
    first = next(point for point in resumed.curve if point.step > resumed.resumed_from_step)
    assert first.share_done > 0.3 and first.beta == 1.0 and first.learning_rate < 0.9e-3


def test_a_finished_training_is_not_repeated(tmp_path):
    config = recipe(20)
    finished, again = run(config, tmp_path), run(config, tmp_path, on_progress=pytest.fail)
    assert again.resumed_from_step == again.steps == 20
    assert same_weights(finished, again) and again.curve == finished.curve


def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before_it(tmp_path):
    config = recipe(40, checkpoint_every_steps=5)
    interrupt(config, tmp_path, step=28, log_every=1)
    (tmp_path / "step-000000000025" / "tensors.safetensors").write_bytes(b"")
    resumed = run(config, tmp_path)
    assert resumed.resumed_from_step == 20
    assert [event.kind for event in resumed.events] == [EventKind.checkpoint_damaged, EventKind.resumed]
    assert same_weights(resumed, run(config))


@pytest.mark.parametrize("change", [{"config": recipe(20, seed=1)}, {"images": boxes(100, seed=1)}])
def test_the_folder_of_another_training_is_refused(tmp_path, change):
    run(recipe(20), tmp_path)
    with pytest.raises(CheckpointError, match="belongs to another training"):
        run(change.get("config", recipe(20)), tmp_path, change.get("images", IMAGES))


def test_divergence_names_step_and_batch_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    config = recipe(40, checkpoint_every_steps=5)
    forward, calls = ConvVae.forward, []

    def diverging(model, x, *options):
        calls.append(x)
        return forward(model, x * math.nan if len(calls) == 13 else x, *options)

    monkeypatch.setattr(ConvVae, "forward", diverging)
    with pytest.raises(DivergenceError, match="step 13 is not finite .* on images .* and 8 more") as raised:
        run(config, tmp_path)
    assert raised.value.step == 13 and len(raised.value.batch_indices) == 16
    np.testing.assert_allclose(calls[-1].numpy(), IMAGES[list(raised.value.batch_indices)] / np.float32(255), rtol=1e-6)
    monkeypatch.undo()
    resumed = run(config, tmp_path)
    assert resumed.resumed_from_step == 10 and same_weights(resumed, run(config))


def test_a_posterior_that_collapses_is_recorded():
    result = run(recipe(150, beta=1000, kl_warmup_share=0, learning_rate=1e-2))
    (event,) = result.events
    assert event.kind == EventKind.collapse_suspected and event.collapse.onset_step == event.step - 99
    assert result.curve[-1].active_dims == 0


def test_an_interruption_does_not_hide_a_collapse(tmp_path):
    config = recipe(150, beta=1000, kl_warmup_share=0, learning_rate=1e-2, checkpoint_every_steps=50)
    interrupt(config, tmp_path, step=60)
    expected = run(config).events
    resumed, collapse = run(config, tmp_path).events
    assert resumed.kind == EventKind.resumed and (collapse,) == expected


@pytest.mark.parametrize("images", [boxes(0), IMAGES / 255, boxes(5, size=16)], ids=["none", "floats", "size"])
def test_unfit_images_are_refused_before_anything_is_written(tmp_path, images):
    with pytest.raises(DataError, match="expected at least one uint8 image"):
        run(recipe(5), tmp_path / "c", images)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("images", [IMAGES.tolist(), torch.from_numpy(IMAGES), None], ids=["list", "tensor", "none"])
def test_what_is_no_array_is_refused_like_any_other_unfit_images(images):
    with pytest.raises(DataError, match=r"train: expected at least one uint8 image .*, came a .*no numpy array; let"):
        run(recipe(5), images=images)
    if images is not None:
        with pytest.raises(DataError, match="train: held_out: expected at least one uint8 image"):
            run(recipe(5), held_out=images)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_training_learns_and_resumes_on_a_gpu(tmp_path):
    config = recipe(300, learning_rate=3e-3, precision="auto", checkpoint_every_steps=50)
    interrupt(config, tmp_path, step=120, device="cuda")
    result = run(config, tmp_path, device="cuda")
    assert result.resumed_from_step and result.curve[-1].neg_elbo < 0.8 * result.curve[0].neg_elbo
