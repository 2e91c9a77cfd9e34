import math

import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes
from vae_core.errors import DivergenceError
from vae_core.models.build import build_model
from vae_core.preprocessing import to_unit
from vae_core.training.step import take_step

X = to_unit(boxes(16))


def step(model, optimiser=None, *, beta=1.0, free_bits_nats=0.0, precision="fp32", x=X):
    optimiser = optimiser or torch.optim.SGD(model.parameters(), lr=1e-4)
    generator = torch.Generator().manual_seed(0)
    return take_step(model, optimiser, x, generator, beta=beta, free_bits_nats=free_bits_nats, precision=precision)


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


def test_beta_and_free_bits_change_the_update_and_never_the_reported_terms():
    plain = step(build_model(TINY))
    warming = step(build_model(TINY), beta=0.1, free_bits_nats=5.0)
    assert warming.nll == plain.nll and torch.equal(warming.kl_dims, plain.kl_dims)
    assert plain.kl_dims.sum() < 4 * 5.0  # so the floor was above what is reported


def test_bf16_gives_almost_the_terms_of_fp32():
    exact, rough = step(build_model(TINY)), step(build_model(TINY), precision="bf16")
    assert rough.nll == pytest.approx(exact.nll, rel=2**-7)  # bf16 keeps 8 bits of a number
    assert rough.nll != exact.nll


@pytest.mark.parametrize("optimiser", [torch.optim.SGD, torch.optim.Adam])
def test_a_loss_that_is_not_finite_changes_no_weight(optimiser):
    model = build_model(TINY)
    descent = optimiser(model.parameters(), lr=1e-3)
    step(model, descent)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(DivergenceError, match="loss nan"):
        step(model, descent, x=X * math.nan)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_a_gradient_that_is_not_finite_changes_no_weight_although_the_loss_is():
    model = build_model(TINY)
    model.from_code[0].weight.register_hook(lambda gradient: gradient * math.inf)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(DivergenceError, match="gradient norm (nan|inf)"):
        step(model)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
