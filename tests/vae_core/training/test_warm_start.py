"""Trainings that begin at a model: all weights or the decoder alone, weighed images, the best weights kept."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from tests.vae_core.training.options import train_by
from tests.vae_core.training.tiny_training import building_with
from vae_core.errors import CheckpointError, DataError, FrozenError
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.conv_vae.model import ConvVae
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.events import EventKind, StopReason
from vae_core.training.loop import train
from vae_core.weights import copy_weights, encoder_digest

IMAGES, HELD_OUT = boxes(100), boxes(20, seed=9)
WEIGHTS = np.where(np.arange(100) < 10, 2.0, 8 / 9)
WARM = {"kl_warmup_share": 0.0}


@pytest.fixture(scope="module")
def parent() -> ConvVae:
    return train(TrainingData(IMAGES), TINY, recipe(60, learning_rate=3e-3), Execution(float)).model


def run(config, folder=None, images=IMAGES, **options):
    return train_by(train, images, TINY, config, clock=float, folder=folder, **options)


def same_weights(one: ConvVae, other: ConvVae) -> bool:
    theirs = copy_weights(other)
    return all(torch.equal(tensor, theirs[name]) for name, tensor in copy_weights(one).items())


def test_a_warm_start_begins_at_the_weights_and_leaves_the_parent_as_it_is(parent):
    before = {name: tensor.clone() for name, tensor in copy_weights(parent).items()}
    warm = run(recipe(1, learning_rate=1e-9, final_learning_rate=1e-9, **WARM), initial=parent)
    moved = copy_weights(warm.model)
    assert all(float((moved[name] - tensor).abs().max()) <= 2e-9 for name, tensor in before.items())
    further = run(recipe(20, **WARM), initial=parent)
    assert not same_weights(further.model, parent)
    assert all(torch.equal(tensor, before[name]) for name, tensor in copy_weights(parent).items())


def test_a_warm_start_is_ahead_of_a_cold_one(parent):
    warm, cold = run(recipe(10, **WARM), initial=parent), run(recipe(10, **WARM))
    assert warm.curve[0].neg_elbo < cold.curve[0].neg_elbo


def test_when_only_the_decoder_trains_the_encoder_stays_bit_for_bit(parent):
    result = run(recipe(30, learning_rate=1e-2, trains="decoder", **WARM), initial=parent)
    assert encoder_digest(result.model) == encoder_digest(parent)
    ours, theirs = copy_weights(result.model), copy_weights(parent)
    for name, tensor in ours.items():
        belongs = name.startswith(("encoder.", "to_posterior."))
        assert torch.equal(tensor, theirs[name]) == belongs, name
    assert result.curve[-1].kl == pytest.approx(result.curve[0].kl, rel=0.2)  # of other batches, of one encoder
    assert all(parameter.requires_grad for parameter in result.model.parameters())


def test_codes_that_cannot_move_are_not_watched_for_collapse():
    blind = build_model(TINY)
    for part in blind.to_posterior.parameters():
        torch.nn.init.zeros_(part)  # of no image it tells anything
    suspected = [
        [event.kind for event in run(recipe(110, trains=trains, beta=1000.0, **WARM), initial=blind).events]
        for trains in ("all", "decoder")
    ]
    assert suspected == [[EventKind.collapse_suspected], []]


def test_all_weights_move_when_all_are_trained(parent):
    result = run(recipe(30, **WARM), initial=parent)
    theirs = copy_weights(parent)
    assert not any(torch.equal(tensor, theirs[name]) for name, tensor in copy_weights(result.model).items())


def test_an_encoder_that_moved_all_the_same_is_never_handed_over(parent):
    def careless(model, arguments):
        with torch.no_grad():
            model.to_posterior.bias += 1e-6

    with pytest.raises(FrozenError, match="expected the encoder .* as it was, came"):
        run(recipe(3, trains="decoder", **WARM), initial=parent, build=building_with(careless))


def test_a_decoder_alone_needs_a_parent():
    with pytest.raises(DataError, match="trains='decoder' keeps the encoder of a trained model, came none"):
        run(recipe(3, trains="decoder"))


def test_a_parent_of_another_config_is_refused_by_what_differs(tmp_path):
    other = build_model(ConvVaeConfig(height=8, width=8, widths=(4, 8), latent_dim=6))
    with pytest.raises(DataError, match=r"came latent_dim 4 but 6; use the model's own config"):
        run(recipe(3), tmp_path / "c", initial=other)
    assert not (tmp_path / "c").exists()


def test_a_parent_with_broken_weights_is_refused():
    broken = build_model(TINY)
    torch.nn.init.constant_(broken.to_posterior.bias, torch.nan)
    with pytest.raises(DataError, match="to_posterior.bias: 8 values are NaN"):
        run(recipe(3), initial=broken)


def test_images_of_no_weight_are_never_seen():
    weights = (np.arange(100) < 40).astype(np.float64)
    unseen = IMAGES.copy()
    unseen[40:] = 255
    assert same_weights(run(recipe(20), weights=weights).model, run(recipe(20), images=unseen, weights=weights).model)
    assert not same_weights(run(recipe(20), weights=weights).model, run(recipe(20)).model)


@pytest.mark.parametrize("weights", [np.zeros(100), np.full(100, -1.0), np.full(100, np.nan), np.ones(99)])
def test_weights_that_cannot_be_drawn_by_are_refused_before_anything_is_written(tmp_path, weights):
    with pytest.raises(DataError, match="expected sampling weights"):
        run(recipe(3), tmp_path / "c", weights=weights)
    assert not (tmp_path / "c").exists()


def test_held_out_images_are_looked_at_before_training_and_at_each_stretch_and_at_the_end():
    result = run(recipe(25, learning_rate=3e-3, validate_every_steps=10), held_out=HELD_OUT)
    assert [point.step for point in result.held_out_curve] == [0, 10, 20, 25]
    lowest = min(result.held_out_curve, key=lambda point: point.loss)
    assert result.best_step == lowest.step and result.stop_reason == StopReason.budget_used


def test_watching_changes_nothing_in_the_training_itself():
    watched = run(recipe(20, learning_rate=1e-3, validate_every_steps=5), held_out=HELD_OUT)
    assert watched.best_step == 20  # so early in a training every look is better than the last
    plain = run(recipe(20, learning_rate=1e-3, validate_every_steps=5))
    assert same_weights(watched.model, plain.model) and watched.curve[-1].neg_elbo == plain.curve[-1].neg_elbo
    assert plain.best_step is None and plain.held_out_curve == () and plain.stop_reason == StopReason.budget_used


# the images that are trained on are nothing like those that are watched, and the rate is coarse
SPOILING = recipe(400, learning_rate=1e-2, final_learning_rate=1e-2, validate_every_steps=10, patience=3, **WARM)
ELSEWHERE = 255 - boxes(100)


def test_a_training_that_only_spoils_the_held_out_images_ends_and_gives_the_parent_back(parent):
    result = run(SPOILING, images=ELSEWHERE, initial=parent, held_out=HELD_OUT)
    assert (result.steps, result.best_step, result.stop_reason) == (30, 0, StopReason.no_improvement)
    assert same_weights(result.model, parent)
    (event,) = result.events
    assert event.kind == EventKind.stopped_early and event.step == 30
    assert "no look after step 0 was better than its" in event.detail


def test_a_fall_that_is_too_small_to_matter_is_no_improvement(parent):
    slow = {"learning_rate": 1e-5, "final_learning_rate": 1e-5, "validate_every_steps": 10, "patience": 2, **WARM}
    content, demanding = (recipe(60, min_delta_nats=delta, **slow) for delta in (0.0, 5.0))
    patient = run(content, initial=parent, held_out=HELD_OUT)
    assert patient.steps == patient.best_step == 60
    assert run(demanding, initial=parent, held_out=HELD_OUT).steps == 20


COMBINATIONS = {
    "warm": (WARM, {"initial"}),
    "weighed": ({}, {"weights"}),
    "watched": ({}, {"held_out"}),
    "incremental": ({"trains": "decoder", **WARM}, {"initial", "weights", "held_out"}),
    "emergency": (WARM, {"initial", "weights", "held_out"}),
}


def options_of(names: set[str], parent: ConvVae) -> dict[str, object]:
    return {
        name: each
        for name, each in {"initial": parent, "weights": WEIGHTS, "held_out": HELD_OUT}.items()
        if name in names
    }


def interrupt(config, folder, step, **options):
    def stop(progress):
        if progress.step >= step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config, folder, on_progress=stop, log_every=1, **options)


@pytest.mark.parametrize(
    ("combination", "precision"), [*((name, "fp32") for name in COMBINATIONS), ("incremental", "bf16")]
)
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(
    tmp_path, parent, combination, precision
):
    changes, names = COMBINATIONS[combination]
    config = recipe(30, precision=precision, checkpoint_every_steps=7, validate_every_steps=5, **changes)
    options = options_of(names, parent)
    interrupt(config, tmp_path, 18, **options)
    resumed, whole = (run(config, folder, log_every=1, **options) for folder in (tmp_path, None))
    assert resumed.resumed_from_step == 14 and same_weights(resumed.model, whole.model)
    assert resumed.held_out_curve == whole.held_out_curve and resumed.best_step == whole.best_step
    assert [replace(point, images_per_s=None) for point in resumed.curve] == [
        replace(point, images_per_s=None) for point in whole.curve
    ]


def test_the_best_weights_of_before_an_interruption_are_handed_over_after_it(tmp_path, parent):
    config = SPOILING.model_copy(update={"checkpoint_every_steps": 5})
    options = {"images": ELSEWHERE, "initial": parent, "held_out": HELD_OUT, "weights": WEIGHTS}
    interrupt(config, tmp_path, 22, **options)
    resumed = run(config, tmp_path, **options)
    assert resumed.resumed_from_step == 20 and (resumed.steps, resumed.best_step) == (30, 0)
    assert same_weights(resumed.model, parent)
    assert [event.kind for event in resumed.events] == [EventKind.resumed, EventKind.stopped_early]


@pytest.mark.parametrize("images", [ELSEWHERE, IMAGES], ids=["stopped early", "budget used"])
def test_a_finished_training_is_not_repeated(tmp_path, parent, images):
    config = SPOILING.model_copy(update={"budget": recipe(33).budget})
    options = {"images": images, "initial": parent, "held_out": HELD_OUT}
    finished = run(config, tmp_path, **options)
    again = run(config, tmp_path, on_progress=pytest.fail, **options)
    assert again.resumed_from_step == again.steps == finished.steps
    assert same_weights(again.model, finished.model) and again.held_out_curve == finished.held_out_curve
    assert (again.stop_reason, again.best_step) == (finished.stop_reason, finished.best_step)
    assert [event for event in again.events if event.kind != EventKind.resumed] == list(finished.events)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"initial": build_model(TINY)}, "warm start"),
        ({"weights": WEIGHTS[::-1]}, "sampling weights"),
        ({"weights": None}, "sampling weights"),
        ({"held_out": boxes(20, seed=10)}, "held-out images"),
        ({"held_out": None}, "held-out images"),
    ],
)
def test_the_folder_of_a_training_that_began_elsewhere_is_refused_by_what_differs(tmp_path, parent, change, what):
    options = {"initial": parent, "weights": WEIGHTS, "held_out": HELD_OUT}
    run(recipe(5, **WARM), tmp_path, **options)
    with pytest.raises(CheckpointError, match=rf"another training \(other {what}\)"):
        run(recipe(5, **WARM), tmp_path, **options | change)
