"""The variance that is handed over with a Gaussian model."""

import copy

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.families.build import build_model
from vae_core.images.preprocessing import to_unit
from vae_core.likelihoods import FLOOR
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train
from vae_core.training.recovery.fallback import restore_snapshot
from vae_core.training.refit import find_refitted, refit_scale
from vae_core.weights import load_weights

GAUSSIAN = TINY.model_copy(update={"likelihood": "gaussian"})
HELD_OUT = boxes(300, seed=9)


def run(model=GAUSSIAN, held_out=HELD_OUT, folder=None, **changes):
    config = recipe(150, learning_rate=3e-3, **changes)
    return train(TrainingData(boxes(100), held_out=held_out), model, config, Execution(lambda: 0.0, folder))


def kept_weights(folder, best=False) -> dict[str, torch.Tensor]:
    """Of the newest checkpoint, which is written before anything is fitted anew: the last ones, or the best."""
    prefix = "best." if best else "weight."
    tensors = load_file(max(folder.glob("step-*")) / "tensors.safetensors")
    return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}


def squared_error(model, images) -> float:
    """Of whole images, by another draw of z than the fit's."""
    x = to_unit(images)
    with torch.no_grad():
        logits = model(x, torch.Generator().manual_seed(123)).logits
    return float((torch.sigmoid(logits) - x).double().square().mean())


@pytest.mark.parametrize(
    "changes", [{"mask_share": 0.5, "mask_patch_px": 2}, {"encoder_dropout": 0.4}, {"ema_decay": 0.99}], ids=str
)
def test_the_variance_that_is_handed_over_is_that_of_whole_images_and_these_weights(changes):
    result = run(snapshots=2, **changes)
    variance = float(result.model.likelihood.variance)
    # 300 images and a draw each: the two means of squared errors differ by less than a twentieth
    assert variance == pytest.approx(squared_error(result.model, HELD_OUT), rel=0.05)
    for each in result.snapshots:
        restored = restore_snapshot(result.model, each)
        assert float(restored.likelihood.variance) == pytest.approx(squared_error(restored, HELD_OUT), rel=0.05)


def test_it_lowers_the_nll_of_whole_images_after_a_training_on_masked_ones(tmp_path):
    honest = run(folder=tmp_path, mask_share=0.5, mask_patch_px=2)
    spoilt = copy.deepcopy(honest.model)
    load_weights(spoilt, kept_weights(tmp_path, best=True))
    x, nll = to_unit(boxes(300, seed=11)), []
    for model in (honest.model, spoilt):
        with torch.no_grad():
            nll.append(float(model.nll(model(x, torch.Generator().manual_seed(0)).logits, x).mean()))
    assert nll[0] < nll[1]
    theirs = spoilt.state_dict()
    other = [name for name, each in honest.model.state_dict().items() if not torch.equal(each, theirs[name])]
    assert other == ["likelihood.variance"]


def test_where_nothing_was_spoilt_the_running_variance_stays(tmp_path):
    result = run(held_out=None, folder=tmp_path)
    assert torch.equal(result.model.likelihood.variance, kept_weights(tmp_path)["likelihood.variance"])
    assert find_refitted(result.model, recipe()) is None
    assert find_refitted(result.model, recipe(mask_share=0.1)) is result.model
    assert find_refitted(run(TINY, ema_decay=0.9, mask_share=0.1).model, recipe(mask_share=0.1)) is None, "it has none"


def test_without_held_out_images_it_is_fitted_on_training_images():
    result = run(held_out=None, ema_decay=0.99)
    assert float(result.model.likelihood.variance) == pytest.approx(squared_error(result.model, boxes(100)), rel=0.1)


def test_sums_are_exact_over_batches_and_the_floor_holds():
    model, x = build_model(GAUSSIAN).eval(), to_unit(HELD_OUT)
    refit_scale(model, [x], seed=4)
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence(4).generate_state(5, np.uint64)[4]))
    with torch.no_grad():
        errors = torch.sigmoid(model(x, generator).logits) - x
    assert float(model.likelihood.variance) == pytest.approx(float(errors.double().square().mean()), rel=1e-6)
    model.likelihood.set_variance(0.0)
    assert float(model.likelihood.variance) == pytest.approx(FLOOR)


def test_a_finished_training_hands_the_same_variance_over_again(tmp_path):
    one, again = (run(folder=tmp_path, ema_decay=0.99) for _ in range(2))
    assert again.resumed_from_step == 150
    assert torch.equal(one.model.likelihood.variance, again.model.likelihood.variance)
