"""What a recipe may ask to be measured or kept, which moves no weight."""

import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.errors import DataError
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.images.preprocessing import to_unit
from vae_core.losses import kl_divergence
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train
from vae_core.training.recovery.fallback import restore_snapshot

HELD_OUT = boxes(20, seed=9)


def run(folder=None, held_out=HELD_OUT, model=TINY, **changes):
    config = recipe(60, checkpoint_every_steps=7, **changes)
    return train(TrainingData(boxes(100), held_out=held_out), model, config, Execution(lambda: 0.0, folder))


def test_they_are_kept_past_the_warm_up_with_the_kl_of_the_held_out_images():
    result = run(snapshots=4, kl_warmup_share=0.3)
    assert [each.step for each in result.snapshots] == [30, 45, 60] and {each.beta for each in result.snapshots} == {1}
    last = restore_snapshot(result.model, result.snapshots[-1])
    with torch.no_grad():
        expected = kl_divergence(*last.encode(to_unit(HELD_OUT))).sum(1).double().mean()
    assert result.snapshots[-1].kl == pytest.approx(float(expected), rel=1e-5)
    assert result.best_step != 60 or all(
        torch.equal(each, result.snapshots[-1].weights[name]) for name, each in result.model.state_dict().items()
    )


def test_keeping_them_moves_no_weight_and_none_are_kept_by_default():
    one, other = run(snapshots=4), run()
    assert other.snapshots == () and len(one.snapshots) == 4
    theirs = other.model.state_dict()
    assert all(torch.equal(each, theirs[name]) for name, each in one.model.state_dict().items())


def test_after_an_interruption_they_are_the_same(tmp_path):
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(
            TrainingData(boxes(100), held_out=HELD_OUT),
            TINY,
            recipe(60, checkpoint_every_steps=7, snapshots=4, mutual_information_every_steps=10),
            Execution(lambda: 0.0, tmp_path, on_progress=stop, log_every=40),
        )
    resumed, whole = (run(folder, snapshots=4, mutual_information_every_steps=10) for folder in (tmp_path, None))
    assert resumed.resumed_from_step == 35 and resumed.information == whole.information
    assert len(resumed.snapshots) == len(whole.snapshots) == 4
    for one, other in zip(resumed.snapshots, whole.snapshots, strict=True):
        assert (one.step, one.kl, one.beta) == (other.step, other.kl, other.beta)
        assert all(torch.equal(tensor, other.weights[name]) for name, tensor in one.weights.items())


def test_without_held_out_images_the_kl_is_that_of_training_images():
    (kept,) = run(held_out=None, snapshots=1).snapshots
    assert kept.step == 60 and kept.kl > 0


@pytest.mark.parametrize("changes", [{"snapshots": 2}, {"mutual_information_every_steps": 5}])
def test_a_model_without_kl_has_no_such_thing_and_the_error_says_so(changes):
    model = VqVaeConfig(height=8, width=8, widths=(4, 8), codebook_size=16, code_dim=4)
    with pytest.raises(DataError, match="goes by the KL of a VAE.*set it to 0"):
        run(model=model, **changes)


def test_information_without_held_out_images_is_refused():
    with pytest.raises(DataError, match="needs at least 2 held-out or inspected images"):
        run(held_out=None, mutual_information_every_steps=5)


def test_a_single_image_is_too_few_for_a_bound_and_refused_before_the_first_step():
    with pytest.raises(DataError, match="at least 2 held-out or inspected images, came 1"):
        run(held_out=boxes(1), mutual_information_every_steps=5)
