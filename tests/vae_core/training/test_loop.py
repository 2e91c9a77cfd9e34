"""Trainings from images to a model, through interruptions."""

import pytest
import torch

from tests.vae_core.synthetic_images import boxes, recipe
from tests.vae_core.training.tiny_training import (
    IMAGES,
    interrupt,
    run,
    same_weights,
    without_speed,
)
from vae_core.errors import CheckpointError, DataError
from vae_core.training.health.events import EventKind


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_learns(precision):
    result = run(recipe(300, learning_rate=3e-3, precision=precision), images=boxes(500))
    assert result.curve[-1].neg_elbo < 0.8 * result.curve[0].neg_elbo
    assert result.events == () and not result.model.training and result.resumed_from_step is None


@pytest.mark.parametrize(
    "change",
    [{"final_learning_rate": 1e-3}, {"free_bits_nats": 0.0}, {"beta": 2.0}, {"kl_warmup_share": 0.9}],
)
def test_every_part_of_the_recipe_reaches_the_weights(change):
    assert not same_weights(run(recipe(20)), run(recipe(20, **change)))


def test_free_bits_count_while_warming_only():
    one, other = (run(recipe(20, kl_warmup_share=0, free_bits_nats=floor)) for floor in (0.0, 5.0))
    assert same_weights(one, other)


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


def test_a_finished_training_is_not_repeated(tmp_path):
    config = recipe(20)
    finished, again = run(config, tmp_path), run(config, tmp_path, on_progress=pytest.fail)
    assert again.resumed_from_step == again.steps == 20
    assert same_weights(finished, again) and again.curve == finished.curve


@pytest.mark.parametrize("change", [{"config": recipe(20, seed=1)}, {"images": boxes(100, seed=1)}])
def test_the_folder_of_another_training_is_refused(tmp_path, change):
    run(recipe(20), tmp_path)
    with pytest.raises(CheckpointError, match="belongs to another training"):
        run(change.get("config", recipe(20)), tmp_path, change.get("images", IMAGES))


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
