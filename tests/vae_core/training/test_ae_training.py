import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from tests.vae_core.two_ranks import run_on_two
from vae_core.errors import CheckpointError, DataError
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_ae.model import ConvAe
from vae_core.inference import score_images
from vae_core.priors.gaussian_mixture import fit_mixture
from vae_core.ranks import ALONE
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train
from vae_core.weights import copy_weights, encoder_digest

AE = ConvAeConfig(network=TINY)
EVERYTHING = {
    "ema_decay": 0.9,
    "mask_share": 0.2,
    "encoder_dropout": 0.1,
    "clip_norm": 5.0,
    "encoder_rate_factor": 0.5,
}


def gaussian(**changes):
    return ConvAeConfig(network=TINY.model_copy(update={"likelihood": "gaussian"}), **changes)


def run(config=AE, folder=None, on_progress=None, initial=None, ranks=ALONE, **changes):
    plan = {"amount": 60, "learning_rate": 1e-2, "final_learning_rate": 1e-3, "validate_every_steps": 20, **changes}
    execution = Execution(lambda: 0.0, folder, on_progress=on_progress, log_every=10, ranks=ranks)
    return train(
        TrainingData(boxes(64), held_out=boxes(20, seed=3)), config, recipe(**plan), execution, initial=initial
    )


def same(one, other):
    ours, theirs = copy_weights(one), copy_weights(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_learns_and_tells_its_nll_alone(precision):
    result = run(precision=precision)
    first, last = result.curve[0], result.curve[-1]
    assert isinstance(result.model, ConvAe) and not result.model.training
    assert last.nll < first.nll - 1 and result.held_out_curve[-1].loss < result.held_out_curve[0].loss - 1
    assert last.neg_elbo is last.kl is last.beta is last.active_dims is last.squared_error is last.codes_used is None
    assert result.events == ()  # 60 steps without any KL are no collapse


def test_steps_without_a_kl_are_never_a_collapse():
    assert run(amount=120, patience=50).events == ()  # a VAE's monitor speaks after 100


def test_what_is_watched_and_handed_over_is_the_nll_of_the_best_weights():
    result = run()
    best = min(result.held_out_curve, key=lambda point: point.loss)
    x = torch.from_numpy(boxes(20, seed=3)) / 255
    assert result.best_step == best.step
    assert result.model.watched_loss(x, torch.Generator()).mean().item() == pytest.approx(best.loss, rel=1e-5)


@pytest.mark.parametrize(
    ("config", "changes"), [(AE, {}), (gaussian(code_penalty=0.1), EVERYTHING)], ids=["plain", "everything"]
)
def test_a_training_killed_in_the_middle_and_resumed_ends_bitwise_equal(tmp_path, config, changes):
    whole = run(config, checkpoint_every_steps=9, **changes)

    class Killed(Exception):
        pass

    def kill(progress):
        if progress.step == 30:
            raise Killed

    with pytest.raises(Killed):
        run(config, tmp_path, kill, checkpoint_every_steps=9, **changes)
    resumed = run(config, tmp_path, checkpoint_every_steps=9, **changes)
    assert resumed.resumed_from_step == 27 and same(resumed.model, whole.model)
    assert resumed.curve == whole.curve and resumed.held_out_curve == whole.held_out_curve


def test_checkpoints_of_another_penalty_or_of_the_vae_are_another_training(tmp_path):
    run(folder=tmp_path, amount=2)
    for other in (ConvAeConfig(network=TINY, code_penalty=0.5), TINY):
        with pytest.raises(CheckpointError, match="other model config"):
            run(other, tmp_path, amount=2)


def test_a_decoder_alone_goes_on_from_a_trained_autoencoder_whose_codes_stay():
    parent = run(amount=10).model
    child = run(amount=10, trains="decoder", initial=parent).model
    assert encoder_digest(child) == encoder_digest(parent) and not same(child, parent)
    with pytest.raises(DataError, match="variant conv_vae but conv_ae"):
        run(TINY, initial=parent)


def test_the_variance_of_a_masked_training_is_that_of_whole_images():
    result = run(gaussian(), mask_share=0.2)
    error = score_images(result.model, boxes(20, seed=3)).recon_error.mean()
    assert result.model.likelihood.variance.item() == pytest.approx(error, rel=1e-5)


def test_snapshots_that_go_by_the_kl_are_refused():
    with pytest.raises(DataError, match="snapshots goes by the KL of a VAE"):
        run(snapshots=2)


def test_two_ranks_train_what_one_process_trains():
    config = gaussian(code_penalty=0.1)
    changes = {"amount": 12, "mask_share": 0.2, "encoder_dropout": 0.2}
    first, second = run_on_two(lambda ranks: run(config, ranks=ranks, **changes).model)
    assert same(first, second) and first.ranks == ALONE
    alone = copy_weights(run(config, **changes).model)
    for name, values in copy_weights(first).items():
        # as `test_ranks` allows after 12 steps of Adam, at ten times its learning rate
        torch.testing.assert_close(values, alone[name], rtol=1e-3, atol=2e-3, msg=lambda text, name=name: name + text)


def test_a_mixture_fitted_to_its_codes_lies_where_they_lie():
    model = run().model
    z = torch.from_numpy(score_images(model, boxes(400, seed=5)).mu)
    drawn = fit_mixture(z, components=4).sample(20_000, torch.Generator().manual_seed(0))
    sd = z.std(0)
    # fitted by maximum likelihood, a mixture keeps mean and covariance; beside it 5 standard errors of 20,000 draws
    assert ((drawn.mean(0) - z.mean(0)).abs() < 5 * sd / 20_000**0.5 + 1e-2 * sd).all()
    torch.testing.assert_close(drawn.std(0), sd, rtol=0.05, atol=0.0)
