"""Fitting: the truth is approached, a seed names the result, a kill changes nothing, bad codes are named."""

import math

import numpy as np
import pytest
import torch
from safetensors.torch import load

from tests.vae_core.priors.known_codes import (
    chain_codes,
    chain_log_prob,
    mesh_codes,
    mesh_entropy,
    mesh_log_prob,
)
from vae_core.config import Budget
from vae_core.errors import CheckpointError, DataError, DivergenceError
from vae_core.priors.code_prior import CodePrior, build_code_prior
from vae_core.priors.code_prior_config import CodePriorConfig, CodePriorRecipe
from vae_core.priors.fit_code_prior import FittedCodePrior, fit_code_prior, rate_share
from vae_core.training.health.events import StopReason
from vae_core.weights import copy_weights

GRID = (3, 3)
CONFIG = CodePriorConfig(grid=GRID, codebook_size=3, width=32, depth=1, heads=2)
CODES = mesh_codes(400, GRID, seed=1)


def recipe(steps=30, **changes) -> CodePriorRecipe:
    settings = {"look_every_steps": 10, "batch_size": 64, "learning_rate": 5e-3, "precision": "fp32"} | changes
    return CodePriorRecipe(budget=Budget(amount=steps, unit="steps"), **settings)


def fit(codes=CODES, config=CONFIG, told=None, *, seed=0, **more) -> FittedCodePrior:
    return fit_code_prior(codes, config, told or recipe(), seed=seed, clock=lambda: 0.0, **more)


def weights(fitted: FittedCodePrior) -> dict[str, torch.Tensor]:
    return dict(fitted.prior.state_dict())


def same_weights(one: FittedCodePrior, other: FittedCodePrior) -> bool:
    return all(torch.equal(tensor, weights(other)[name]) for name, tensor in weights(one).items())


def excess_nats(fitted: FittedCodePrior, fresh: np.ndarray, truth: np.ndarray) -> float:
    """KL(truth || prior) in nats per image, by draws from the truth."""
    with torch.no_grad():
        return float((torch.from_numpy(truth) - fitted.prior.log_prob(fresh).double()).mean())


def test_a_fit_to_a_markov_mesh_approaches_its_entropy():
    # each code needs both the one to its left and the one above, or it looks uniform
    fitted = fit(mesh_codes(6000, GRID, seed=1), told=recipe(250, look_every_steps=50))
    fresh = mesh_codes(5000, GRID, seed=2)
    # 2,500 parameters and 5,700 images: an excess of some hundredths is what fitting costs; the difference of two
    # log-probabilities, both near the truth, is known to 0.005 at this n
    assert -0.01 < excess_nats(fitted, fresh, mesh_log_prob(fresh)) < 0.15
    # one image's -log p has a deviation of 0.79 nats a code, 2.4 an image: 0.14 over 300 held-out ones, three of those
    assert fitted.nll == pytest.approx(mesh_entropy(GRID), abs=0.15 + 0.42)
    # without neighbours every code but the first of a row and column is nearly uniform
    assert fitted.independent_nll - fitted.nll > 1.0
    assert fitted.nll_before == pytest.approx(9 * np.log(3), abs=0.3)


def test_a_fit_to_a_markov_chain_follows_it_around_the_ends_of_rows():
    transitions = np.array([[0.1, 0.8, 0.1], [0.05, 0.05, 0.9], [0.7, 0.2, 0.1]])
    fitted = fit(chain_codes(6000, GRID, transitions, seed=1), told=recipe(150, look_every_steps=50))
    fresh = chain_codes(5000, GRID, transitions, seed=2)
    assert -0.01 < excess_nats(fitted, fresh, chain_log_prob(fresh, transitions)) < 0.15


def test_bf16_learns_what_fp32_learns():
    codes = mesh_codes(2000, GRID, seed=1)
    wide, narrow = (fit(codes, told=recipe(80, precision=word)) for word in ("fp32", "bf16"))
    # bf16 keeps 8 bits: losses of single steps differ by a hundredth, what they end at by no more than two looks do
    assert narrow.nll == pytest.approx(wide.nll, abs=0.2)
    assert narrow.nll < narrow.nll_before - 1.0


def test_a_seed_names_the_fit_bit_for_bit():
    config = CONFIG.model_copy(update={"dropout": 0.2})
    first, again, other = (fit(config=config, seed=seed) for seed in (0, 0, 1))
    assert same_weights(first, again) and first.curve == again.curve
    assert not same_weights(first, other)


def test_a_fit_touches_no_global_generator():
    torch.manual_seed(3)
    state = torch.get_rng_state()
    fit(config=CONFIG.model_copy(update={"dropout": 0.2}))
    assert torch.equal(torch.get_rng_state(), state)


class Killed(Exception):
    pass


@pytest.mark.parametrize("kill_at", [20, 40])
def test_a_killed_fit_ends_where_an_uninterrupted_one_does(tmp_path, kill_at):
    config = CONFIG.model_copy(update={"dropout": 0.2})
    told = recipe(55, look_every_steps=7, checkpoint_every_steps=9)

    def kill(progress):
        if progress.step == kill_at:
            raise Killed

    whole = fit(config=config, told=told)
    with pytest.raises(Killed):
        fit(config=config, told=told, on_progress=kill, checkpoint_folder=tmp_path)
    resumed = fit(config=config, told=told, checkpoint_folder=tmp_path)
    assert same_weights(whole, resumed) and whole.curve == resumed.curve
    assert (whole.steps, whole.best_step) == (resumed.steps, resumed.best_step)
    done = fit(config=config, told=told, checkpoint_folder=tmp_path)
    assert same_weights(whole, done)


def test_a_damaged_checkpoint_gives_way_to_its_elder(tmp_path):
    told = recipe(30, checkpoint_every_steps=10)
    whole = fit(told=told, checkpoint_folder=tmp_path)
    names = sorted(folder.name for folder in tmp_path.iterdir())
    assert names == ["step-000000000020", "step-000000000030"]
    (tmp_path / names[1] / "tensors.safetensors").write_bytes(b"torn")
    resumed = fit(told=told, checkpoint_folder=tmp_path)
    assert same_weights(whole, resumed)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == names


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1}, "other seed"),
        ({"codes": mesh_codes(400, GRID, seed=2)}, "other codes"),
        (
            {"told": recipe(31, batch_size=32)},
            "other recipe: budget.amount 30 instead of 31, batch_size 64 instead of 32",
        ),
        ({"config": CONFIG.model_copy(update={"depth": 2})}, "other config: depth 1 instead of 2"),
        ({"seed": 1, "initial": build_code_prior(CONFIG, seed=9)}, "other seed; other warm start"),
        ({"initial": build_code_prior(CONFIG, seed=9)}, "other warm start"),
    ],
)
def test_checkpoints_of_another_fit_are_refused(tmp_path, change, named):
    fit(checkpoint_folder=tmp_path)
    with pytest.raises(CheckpointError, match=rf"belongs to another fit \({named}\)"):
        fit(checkpoint_folder=tmp_path, **change)


def test_a_checkpoint_of_another_release_is_refused(tmp_path, monkeypatch):
    fit(checkpoint_folder=tmp_path)
    monkeypatch.setattr("vae_core.priors.code_prior_state._WEIGHT", "renamed.")
    with pytest.raises(CheckpointError, match="written by another release"):
        fit(checkpoint_folder=tmp_path)


def test_a_fit_that_stops_improving_ends_early_with_its_best_weights():
    # 40 images and 2,000 weights: the held-out NLL soon rises
    fitted = fit(mesh_codes(40, GRID, seed=1), told=recipe(5000, patience=3, held_out_share=0.5, learning_rate=0.02))
    assert fitted.stop_reason == StopReason.no_improvement
    assert fitted.steps == fitted.best_step + 30
    assert fitted.nll == min(look.loss for look in fitted.curve) < fitted.curve[-1].loss
    assert fitted.held_out_images == 20


def test_the_best_weights_are_those_handed_over():
    told = recipe(30, min_delta_nats=0)
    fitted = fit(told=told)
    shown = mesh_codes(400, GRID, seed=1)[np.random.default_rng(0).permutation(400)[:20]]
    with torch.no_grad():
        assert -float(fitted.prior.log_prob(shown).double().mean()) == pytest.approx(fitted.nll, abs=1e-4)
    assert not fitted.prior.training and fitted.nll_per_code == pytest.approx(fitted.nll / 9)


def test_a_warm_start_begins_where_the_first_fit_ended():
    first = fit(told=recipe(40))
    second = fit(told=recipe(1), initial=first.prior)
    assert second.nll_before == pytest.approx(first.nll, abs=1e-4)
    assert same_weights(first, fit(told=recipe(40)))  # and the start itself is left as it was


def test_a_budget_in_seconds_is_the_clocks():
    ticks = iter(range(10_000))
    fitted = fit_code_prior(
        CODES,
        CONFIG,
        recipe().model_copy(update={"budget": Budget(amount=40, unit="seconds")}),
        seed=0,
        clock=lambda: float(next(ticks)),
    )
    assert fitted.stop_reason == StopReason.budget_used and fitted.seconds >= 40
    assert 0 < fitted.steps < 40


def test_an_image_that_is_drawn_often_is_on_one_side_and_never_makes_the_held_out_ones_known():
    # codes without any structure: what is not seen costs log 3 a code, however long the fit
    noise = np.random.default_rng(3).integers(0, 3, (80, *GRID))
    told, unknown = recipe(150, patience=100), 9 * np.log(3)
    weighted = fit(noise, told=told, weights=np.full(80, 4.0))
    assert weighted.nll == pytest.approx(unknown, rel=0.1)
    repeated = fit(np.repeat(noise, 4, axis=0), told=told)
    assert repeated.nll < 0.85 * unknown, "copies on both sides are learnt by heart: the bar above can be missed"


def test_the_prior_gives_an_image_the_share_that_its_weight_says():
    zeros, twos = np.zeros((1_000, *GRID), np.int64), np.full((3_000, *GRID), 2)
    shares = np.concatenate([np.full(1_000, 0.9 / 1_000), np.full(2_000, 0.1 / 2_000), np.zeros(1_000)])
    told = recipe(120, batch_size=256, patience=100)
    fitted = fit(np.concatenate([zeros, twos]), told=told, weights=shares)
    with torch.no_grad():
        found = np.exp(fitted.prior.log_prob(np.stack([zeros[0], twos[0]])).numpy())
    # 0.886 in the mean of ten seeds, with a standard deviation of 0.022; a quarter of the images, unweighted, are zeros
    assert found == pytest.approx([0.9, 0.1], abs=0.1)


def test_other_weights_are_another_fit(tmp_path):
    fit(weights=np.ones(400), checkpoint_folder=tmp_path)
    with pytest.raises(CheckpointError, match="weights of the images"):
        fit(weights=np.arange(400.0), checkpoint_folder=tmp_path)


@pytest.mark.parametrize("weights", [np.ones(3), np.full(400, np.nan), np.zeros(400), np.full(400, -1.0)])
def test_weights_that_are_none_are_named(weights):
    with pytest.raises(DataError, match="sampling weights"):
        fit(weights=weights)


def test_progress_is_heard_and_ends_at_the_whole_budget():
    heard = []
    fitted = fit(told=recipe(50), on_progress=heard.append)
    assert [progress.step for progress in heard] == [20, 40, 50]
    assert heard[-1].share_done == 1.0 and heard[-1].epoch == pytest.approx(fitted.epochs)
    assert heard[0].nll > heard[-1].nll and heard[0].images_per_s is None


def test_the_rate_rises_then_falls_along_a_cosine():
    assert rate_share(0.0, 0.1, 0.02) == pytest.approx(0.02)
    assert rate_share(0.05, 0.1, 0.02) == pytest.approx(0.51)
    assert rate_share(0.1, 0.1, 0.02) == pytest.approx(1.0)
    assert rate_share(0.55, 0.1, 0.02) == pytest.approx(0.51)
    assert rate_share(1.0, 0.1, 0.02) == rate_share(1.5, 0.1, 0.02) == pytest.approx(0.02)
    assert rate_share(0.0, 0.0, 0.02) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (CODES[:0], r"at least one grid of whole codes \(N, 3, 3\), came int64 \(0, 3, 3\)"),
        (CODES[:1], "at least 2 images, one of them held out, came 1"),
        (CODES[:, :2], r"at least one grid .* came int64 \(400, 2, 3\)"),
        (CODES / 2, r"at least one grid .* came float64 \(400, 3, 3\)"),
        (CODES + 1, "codes from 0 to 2, came 1 to 3"),
        (CODES - 1, "codes from 0 to 2, came -1 to 1"),
    ],
)
def test_unfit_codes_are_refused_before_anything_is_written(tmp_path, codes, message):
    with pytest.raises(DataError, match=f"fit_code_prior: expected {message}"):
        fit(codes, checkpoint_folder=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_start_of_another_config_is_refused():
    other = build_code_prior(CONFIG.model_copy(update={"depth": 2}))
    with pytest.raises(DataError, match="expected a warm start of the same config"):
        fit(initial=other)


def test_a_fit_that_diverges_says_so_and_keeps_no_broken_checkpoint(tmp_path):
    broken = build_code_prior(CONFIG)
    with torch.no_grad():
        broken.network.to_logits.bias[0] = float("inf")
    with pytest.raises(
        DivergenceError, match="the NLL of the held-out images is nan after step 0; lower learning_rate"
    ):
        fit(initial=broken, checkpoint_folder=tmp_path)
    with pytest.raises(DivergenceError, match="Lower learning_rate or use precision fp32, then start anew") as raised:
        # every step makes the matrices nine times as large
        fit(told=recipe(100, learning_rate=1.0, weight_decay=10, checkpoint_every_steps=1), checkpoint_folder=tmp_path)
    kept = sorted(tmp_path.glob("step-*/tensors.safetensors"))
    assert [int(each.parent.name[5:]) for each in kept] == [raised.value.step - 2, raised.value.step - 1]
    assert all(bool(tensor.isfinite().all()) for tensor in load(kept[-1].read_bytes()).values())


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("loss", "loss nan, gradient norm nan, nll nan"),
        ("gradient", r"loss [\d.]+, gradient norm (inf|nan), nll [\d.]+"),
    ],
)
def test_a_step_that_is_not_finite_moves_no_weight_names_its_images_and_keeps_the_last_checkpoint(
    tmp_path, monkeypatch, what, found
):
    told = recipe(30, checkpoint_every_steps=2)
    logits, seen = CodePrior.logits, []

    def spoilt(prior, codes, dropout=None):
        answer = logits(prior, codes, dropout)
        if dropout is None:  # a look at the held-out images
            return answer
        seen.append((codes, copy_weights(prior), prior))
        if len(seen) == 5 and what == "loss":
            return answer * math.nan
        if len(seen) == 5:
            answer.register_hook(lambda gradient: gradient * math.inf)
        return answer

    monkeypatch.setattr(CodePrior, "logits", spoilt)
    with pytest.raises(
        DivergenceError, match=rf"fit_code_prior: step 5 is not finite \({found}\) on images .* and 56 more"
    ) as raised:
        fit(told=told, checkpoint_folder=tmp_path)
    codes, before, prior = seen[4]
    assert len(seen) == raised.value.step == 5 and len(raised.value.batch_indices) == 64
    np.testing.assert_array_equal(CODES[list(raised.value.batch_indices)], codes)
    assert all(torch.equal(tensor, before[name]) for name, tensor in copy_weights(prior).items())
    assert [folder.name for folder in sorted(tmp_path.iterdir())] == ["step-000000000002", "step-000000000004"]
    monkeypatch.undo()
    assert same_weights(fit(told=told, checkpoint_folder=tmp_path), fit(told=told))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_fit_learns_and_resumes_on_a_gpu(tmp_path):
    told = recipe(300, precision="auto", checkpoint_every_steps=50)
    fitted = fit(mesh_codes(6000, GRID, seed=1), told=told, device="cuda", checkpoint_folder=tmp_path)
    assert fitted.prior.device.type == "cuda"
    assert fitted.nll < fitted.independent_nll - 1.0
    again = fit(mesh_codes(6000, GRID, seed=1), told=told, device="cuda", checkpoint_folder=tmp_path)
    assert again.nll == fitted.nll
