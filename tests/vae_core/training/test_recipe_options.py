"""What a recipe can switch on: each part reaches the weights, is resumed, and changes only what it says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from tests.vae_core.training.killed_training import EVERYTHING
from tests.vae_core.training.tiny_training import IMAGES, NanAtPass, building_with, interrupt, run, same_weights
from vae_core.errors import DivergenceError
from vae_core.training.data.held_out import HeldOut
from vae_core.weights import copy_weights

HELD_OUT = boxes(20, seed=9)
GAUSSIAN, LOGISTIC = (TINY.model_copy(update={"likelihood": kind}) for kind in ("gaussian", "logistic"))


PARTS = {
    "monotonic": {"kl_schedule": "monotonic", "kl_warmup_share": 0.5},
    "cyclical": {"kl_schedule": "cyclical", "kl_warmup_share": 1.0},
    "steps": {"kl_warmup_unit": "steps", "kl_warmup_steps": 10},
    "epochs": {"kl_warmup_unit": "epochs", "kl_warmup_epochs": 1.5},
    "slow encoder": {"encoder_rate_factor": 0.3},
    "clipped": {"clip_norm": 1.0},
    "masked": {"mask_share": 0.2},
    "patches": {"mask_share": 0.2, "mask_patch_px": 4},
    "dropout": {"encoder_dropout": 0.2},
    "mean": {"ema_decay": 0.9},
}


@pytest.mark.parametrize("changes", PARTS.values(), ids=PARTS)
def test_every_part_reaches_the_weights_by_itself(changes):
    assert not same_weights(run(recipe(20)), run(recipe(20, **changes)))


@pytest.mark.parametrize("model", [GAUSSIAN, LOGISTIC], ids=["gaussian", "logistic"])
def test_each_likelihood_learns(model):
    result = run(recipe(300, learning_rate=3e-3), model=model, held_out=HELD_OUT)
    assert result.curve[-1].neg_elbo < result.curve[0].neg_elbo
    assert result.held_out_curve[-1].loss < result.held_out_curve[0].loss - 10
    assert result.best_step == result.held_out_curve[-1].step


def test_the_kept_variance_is_about_that_of_the_last_reconstructions():
    # it runs behind by about twenty steps, so the rate is small at the end
    result = run(recipe(300, learning_rate=3e-3, final_learning_rate=1e-5), model=GAUSSIAN)
    x = torch.from_numpy(IMAGES / np.float32(255))
    with torch.no_grad():
        output = result.model(x, torch.Generator().manual_seed(0))
        found = (torch.sigmoid(output.logits) - x).square().mean().item()
    assert result.model.likelihood.variance.item() == pytest.approx(found, rel=0.1)
    assert result.model.likelihood.batches == 300


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_with_everything_on_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(tmp_path, precision):
    config = EVERYTHING.model_copy(
        update={"budget": recipe(30).budget, "checkpoint_every_steps": 7, "precision": precision, "kl_warmup_steps": 20}
    )
    options = {"model": GAUSSIAN, "held_out": HELD_OUT, "weights": np.where(np.arange(100) < 10, 2.0, 8 / 9)}
    interrupt(config, tmp_path, 18, log_every=1, **options)
    resumed, whole = (run(config, folder, log_every=1, **options) for folder in (tmp_path, None))
    assert resumed.resumed_from_step == 14 and same_weights(resumed, whole)
    assert resumed.held_out_curve == whole.held_out_curve and resumed.best_step == whole.best_step
    assert [replace(point, images_per_s=None) for point in resumed.curve] == [
        replace(point, images_per_s=None) for point in whole.curve
    ]


def test_the_mean_that_is_handed_over_is_the_recursive_one_of_the_steps():
    seen = []

    def before_step(model, arguments):
        seen.append({name: tensor.clone() for name, tensor in copy_weights(model).items()})

    plain = run(recipe(25), build=building_with(before_step))
    steps = [*seen, copy_weights(plain.model)]
    result = run(recipe(25, ema_decay=0.6))
    for name, mean in copy_weights(result.model).items():
        expected = steps[0][name].double()
        for step, weights in enumerate(steps[1:]):
            kept = min(0.6, (1 + step) / (10 + step))
            expected = kept * expected + (1 - kept) * weights[name].double()
        torch.testing.assert_close(mean.double(), expected, rtol=0, atol=25 * 2**-23)
    assert not result.model.training and all(parameter.requires_grad for parameter in result.model.parameters())


def test_early_stopping_looks_at_the_mean_and_the_best_mean_is_handed_over():
    result = run(recipe(30, ema_decay=0.9, validate_every_steps=10), held_out=HELD_OUT)
    watch = HeldOut(HELD_OUT, TINY.shape, seed=0, device="cpu")
    best = {point.step: point.loss for point in result.held_out_curve}[result.best_step]
    assert watch.measure(result.model, result.steps) == best
    plain = run(recipe(30, validate_every_steps=10), held_out=HELD_OUT)
    assert plain.held_out_curve[0] == result.held_out_curve[0] and plain.held_out_curve[1] != result.held_out_curve[1]


def test_a_finished_training_with_a_mean_is_not_repeated(tmp_path):
    config = recipe(20, ema_decay=0.9)
    finished, again = run(config, tmp_path), run(config, tmp_path, on_progress=pytest.fail)
    assert again.resumed_from_step == 20 and same_weights(finished, again)


def test_a_decoder_s_training_with_a_mean_keeps_the_encoder_bit_for_bit():
    parent = run(recipe(20)).model
    result = run(recipe(20, ema_decay=0.9, trains="decoder", kl_warmup_share=0.0), initial=parent)
    theirs = copy_weights(parent)
    for name, tensor in copy_weights(result.model).items():
        assert torch.equal(tensor, theirs[name]) == name.startswith(("encoder.", "to_posterior.")), name


def test_divergence_leaves_mean_variance_and_checkpoint_as_they_were(tmp_path):
    config = recipe(40, ema_decay=0.9, checkpoint_every_steps=5, mask_share=0.1)
    with pytest.raises(DivergenceError, match="step 13 is not finite .*nll nan.* on images") as raised:
        run(config, tmp_path, model=GAUSSIAN, build=building_with(NanAtPass(13)))
    assert raised.value.step == 13 and len(raised.value.batch_indices) == 16
    resumed = run(config, tmp_path, model=GAUSSIAN)
    assert resumed.resumed_from_step == 10 and same_weights(resumed, run(config, model=GAUSSIAN))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_everything_trains_and_resumes_on_a_gpu(tmp_path):
    config = EVERYTHING.model_copy(update={"precision": "auto", "checkpoint_every_steps": 20})
    options = {"model": GAUSSIAN, "held_out": HELD_OUT, "device": "cuda"}
    interrupt(config, tmp_path, 50, log_every=1, **options)
    result = run(config, tmp_path, **options)
    assert result.resumed_from_step == 40
    assert result.held_out_curve[-1].loss < result.held_out_curve[0].loss
