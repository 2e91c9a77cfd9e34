import math

import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.errors import DivergenceError
from vae_core.families.build import build_model
from vae_core.families.conv_vae.objective import VaeObjective
from vae_core.images.preprocessing import to_unit
from vae_core.training.data.batches import Batch
from vae_core.training.objectives.objective import LossWeights
from vae_core.training.step import take_step

X = to_unit(boxes(16))
GAUSSIAN = TINY.model_copy(update={"likelihood": "gaussian"})


def step(model, optimiser=None, *, beta=1.0, free_bits_nats=0.0, precision="fp32", x=X, clip_norm=0.0, **changes):
    return take_step(
        VaeObjective(model, recipe(**changes)),
        optimiser or torch.optim.SGD(model.parameters(), lr=1e-4),
        Batch(x, x),
        torch.Generator().manual_seed(0),
        weights=LossWeights(beta, free_bits_nats, warming=False),
        precision=precision,
        clip_norm=clip_norm,
    )


def copy_state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def unchanged(model, before) -> bool:
    return all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("beta", [0.0, 0.3, 2.0])
def test_an_update_follows_the_gradient_of_the_weighted_bound(beta):
    model, by_hand = build_model(TINY), build_model(TINY)
    step(model, beta=beta)
    output = by_hand(X, torch.Generator().manual_seed(0))
    p, (mu, logvar) = torch.sigmoid(output.logits), output.posterior
    nll = -(X * torch.log(p) + (1 - X) * torch.log(1 - p)).sum() / len(X)
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum() / len(X)
    (nll + beta * kl).backward()
    for ours, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs - 1e-4 * theirs.grad, rtol=1e-4, atol=1e-6)


def test_an_update_of_a_gaussian_model_follows_the_log_of_its_squared_error():
    model, by_hand = build_model(GAUSSIAN), build_model(GAUSSIAN)
    report = step(model)
    output = by_hand(X, torch.Generator().manual_seed(0))
    mu, logvar = output.posterior
    squared_error = (torch.sigmoid(output.logits) - X).square().mean()
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum() / len(X)
    (32 * torch.log(squared_error) + kl).backward()  # 64 pixels, so D / 2 is 32
    for ours, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs - 1e-4 * theirs.grad, rtol=1e-3, atol=1e-6)
    fitted = squared_error.item()
    assert model.likelihood.variance.item() == pytest.approx(fitted, rel=1e-6)
    expected = 32 * (math.log(2 * math.pi * fitted) + 1)
    assert float(report.terms["nll"]) == pytest.approx(expected, rel=1e-5)


def test_beta_and_free_bits_change_the_update_and_never_the_reported_terms():
    plain = step(build_model(TINY))
    warming = step(build_model(TINY), beta=0.1, free_bits_nats=5.0)
    assert torch.equal(warming.flat, plain.flat)
    assert plain.terms["kl_dims"].sum() < 4 * 5.0  # so the floor was above what is reported


def test_terms_are_told_by_name_and_as_one_vector():
    report = step(build_model(TINY))
    assert {name: len(value) for name, value in report.terms.items()} == {"nll": 1, "kl_dims": 4}
    assert torch.equal(report.flat, torch.cat(list(report.terms.values())))


def test_bf16_gives_almost_the_terms_of_fp32():
    exact, rough = (float(step(build_model(TINY), precision=word).terms["nll"]) for word in ("fp32", "bf16"))
    assert rough == pytest.approx(exact, rel=2**-7)  # bf16 keeps 8 bits of a number
    assert rough != exact


def update_of(clip_norm: float) -> torch.Tensor:
    model, before = build_model(TINY), build_model(TINY)
    step(model, torch.optim.SGD(model.parameters(), lr=1.0), clip_norm=clip_norm)
    pairs = zip(model.parameters(), before.parameters(), strict=True)
    return torch.cat([(ours - theirs).detach().flatten() for ours, theirs in pairs])


def test_a_gradient_that_is_too_long_is_cut_to_the_length_and_keeps_its_direction():
    whole = update_of(0.0)
    length = float(whole.norm())
    cut = update_of(length / 10)
    assert float(cut.norm()) == pytest.approx(length / 10, rel=1e-4)
    torch.testing.assert_close(cut * 10, whole, rtol=1e-3, atol=1e-3 * float(whole.abs().max()))
    assert torch.equal(update_of(length * 1.01), whole)


@pytest.mark.parametrize("config", [TINY, GAUSSIAN], ids=["bernoulli", "gaussian"])
@pytest.mark.parametrize("optimiser", [torch.optim.SGD, torch.optim.Adam])
def test_a_loss_that_is_not_finite_changes_no_weight_and_no_buffer(optimiser, config):
    model = build_model(config)
    descent = optimiser(model.parameters(), lr=1e-3)
    step(model, descent)
    before = copy_state(model)
    with pytest.raises(DivergenceError, match="loss nan.*nll nan"):
        step(model, descent, x=X * math.nan)
    assert unchanged(model, before)


@pytest.mark.parametrize("config", [TINY, GAUSSIAN], ids=["bernoulli", "gaussian"])
def test_a_gradient_that_is_not_finite_changes_nothing_although_the_loss_is(config):
    model = build_model(config)
    model.from_code[0].weight.register_hook(lambda gradient: gradient * math.inf)
    before = copy_state(model)
    with pytest.raises(DivergenceError, match="gradient norm (nan|inf)"):
        step(model, clip_norm=1.0)
    assert unchanged(model, before)
