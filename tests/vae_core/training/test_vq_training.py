"""Trainings of a VQ-VAE: codes that learn, are resumed, and keep their places."""

import numpy as np
import pytest
import torch

from tests.vae_core.synthetic_images import TINY, TINY_VQ, boxes, recipe
from tests.vae_core.training.options import train_by
from vae_core.errors import DataError
from vae_core.families.build import build_model
from vae_core.families.vq_vae.model import VqVae
from vae_core.inference import score_images
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.events import EventKind
from vae_core.training.loop import train
from vae_core.weights import copy_weights, encoder_digest


def run(config=TINY_VQ, folder=None, images=None, **options):
    changes = {name: options.pop(name) for name in list(options) if name not in ("initial", "weights", "held_out")}
    images = boxes(64) if images is None else images
    plan = recipe(**{"amount": 60, "learning_rate": 1e-2, "final_learning_rate": 1e-3, **changes})
    return train_by(train, images, config, plan, folder=folder, log_every=10, **options)


def same(one: VqVae, other: VqVae) -> bool:
    ours, theirs = copy_weights(one), copy_weights(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("quantizer", ["ema", "gradient", "fsq"])
def test_it_learns_and_tells_squared_error_and_codes(quantizer, precision):
    config = TINY_VQ.model_copy(update={"quantizer": quantizer, "fsq_levels": (4, 4)})
    result = run(config, precision=precision)
    first, last = result.curve[0], result.curve[-1]
    assert last.squared_error < 0.8 * first.squared_error
    assert 1 <= last.codes_used <= 16 and 1 <= last.perplexity <= last.codes_used + 1e-6
    assert last.commitment == 0 if quantizer == "fsq" else 0 < last.commitment < first.squared_error
    assert last.neg_elbo is last.nll is last.kl is last.beta is last.active_dims is None
    assert isinstance(result.model, VqVae) and not result.model.training


def test_what_is_told_is_the_squared_error_of_an_image_and_the_use_of_the_last_epoch():
    result = run(amount=8, learning_rate=1e-9, final_learning_rate=1e-9)
    scores = score_images(result.model, boxes(64))
    # four steps an epoch: the mean over two epochs of a model that stays where it is
    assert result.curve[-1].squared_error == pytest.approx(scores.recon_error.mean() * 64, rel=0.15)
    counts = np.bincount(scores.column("codes").ravel(), minlength=16)
    assert result.curve[-1].codes_used == pytest.approx(np.count_nonzero(counts), abs=2)


@pytest.mark.parametrize(
    "changes",
    [{}, {"ema_decay": 0.9, "mask_share": 0.2, "encoder_dropout": 0.1, "clip_norm": 1.0, "encoder_rate_factor": 0.5}],
    ids=["plain", "everything"],
)
@pytest.mark.parametrize(("killed_at", "goes_on_from"), [(10, 9), (30, 27)], ids=["before the first look", "later"])
def test_a_training_stopped_in_the_middle_of_an_epoch_ends_bitwise_equal(tmp_path, changes, killed_at, goes_on_from):
    whole = run(held_out=boxes(10, seed=3), validate_every_steps=20, **changes)

    class Killed(Exception):
        pass

    def kill(progress):
        if progress.step == killed_at:
            raise Killed

    plan = recipe(
        amount=60, learning_rate=1e-2, final_learning_rate=1e-3, checkpoint_every_steps=9, validate_every_steps=20,
        **changes,
    )  # fmt: skip

    def attempt(on_progress=None):
        execution = Execution(lambda: 0.0, tmp_path, on_progress=on_progress, log_every=10)
        return train(TrainingData(boxes(64), held_out=boxes(10, seed=3)), TINY_VQ, plan, execution)

    with pytest.raises(Killed):
        attempt(kill)
    resumed = attempt()
    assert resumed.resumed_from_step == goes_on_from
    assert same(resumed.model, whole.model) and resumed.curve == whole.curve
    assert resumed.held_out_curve == whole.held_out_curve


def test_held_out_images_are_judged_by_their_squared_error():
    held_out = boxes(20, seed=3)
    result = run(held_out=held_out, validate_every_steps=10)
    errors = score_images(result.model, held_out).recon_error * 64
    best = min(result.held_out_curve, key=lambda point: point.loss)
    # a decoder's mean is not clamped while it is judged
    assert result.best_step == best.step and best.loss == pytest.approx(errors.mean(), rel=0.05)


def test_looking_at_held_out_images_starts_no_codes():
    plain, watched = run(amount=6), run(amount=6, held_out=boxes(20, seed=3), validate_every_steps=3)
    # codes that had begun at the held-out images would have led elsewhere
    assert watched.best_step == 6 and same(plain.model, watched.model)


def test_codes_that_keep_their_places_are_not_replaced_though_an_epoch_uses_few():
    parent = run(amount=120).model
    parent.quantiser.retire(torch.arange(16) < 8)  # as if its last epoch had left them unused
    same_image = np.repeat(boxes(1, seed=4), 64, axis=0)
    codes = parent.quantiser.book.codebook.clone()
    result = run(initial=parent, trains="decoder", images=same_image, amount=24, kl_warmup_share=0.0)
    assert [event.kind for event in result.events] == [EventKind.codes_unused] * 6
    assert all("keep their places" in event.detail for event in result.events)
    unused = np.setdiff1d(np.arange(16), score_images(result.model, same_image[:1]).column("codes"))
    torch.testing.assert_close(result.model.quantiser.book.codebook[unused], codes[unused])


def test_a_vq_vae_whose_codes_never_began_is_no_best_model():
    nearly_black = np.random.default_rng(0).integers(0, 2, (64, 1, 8, 8), dtype=np.uint8)
    result = run(images=nearly_black, held_out=nearly_black[:20], amount=12, validate_every_steps=4)
    assert result.model.has_codes and result.best_step >= 4
    assert [point.step for point in result.held_out_curve] == [4, 8, 12]


def test_the_incremental_tier_keeps_the_encoder_and_the_places_of_the_codes():
    parent = run(amount=120).model
    digest, codes = encoder_digest(parent), score_images(parent, boxes(40, seed=9)).column("codes")
    result = run(
        initial=parent, trains="decoder", codebook_decay=0.999, amount=40, learning_rate=1e-3,
        images=boxes(64, seed=4), kl_warmup_share=0.0,
    )  # fmt: skip
    assert encoder_digest(result.model) == digest
    assert not torch.equal(result.model.quantiser.book.codebook, parent.quantiser.book.codebook)
    kept = (score_images(result.model, boxes(40, seed=9)).column("codes") == codes).mean()
    assert kept > 0.9


def test_more_codes_than_tokens_are_refused_by_name():
    config = TINY_VQ.model_copy(update={"codebook_size": 512})
    with pytest.raises(DataError, match="at least 512 tokens for 512 codes, came 64; use a larger batch"):
        run(config, amount=1)


def test_a_start_of_another_kind_is_refused_by_name():
    with pytest.raises(DataError, match="variant"):
        run(initial=build_model(TINY), amount=1)
