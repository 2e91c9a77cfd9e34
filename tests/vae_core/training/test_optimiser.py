import torch

from tests.vae_core.synthetic_images import TINY, recipe
from vae_core.families.build import build_model
from vae_core.training.optimiser import make_optimiser, set_learning_rate
from vae_core.training.warm_start import freeze_encoder


def rates(model, optimiser) -> dict[str, float]:
    of = {id(parameter): group["lr"] for group in optimiser.param_groups for parameter in group["params"]}
    return {name: of[id(parameter)] for name, parameter in model.named_parameters() if id(parameter) in of}


def test_one_rate_is_one_group_with_every_parameter():
    model = build_model(TINY)
    optimiser = make_optimiser(model, recipe())
    assert len(optimiser.param_groups) == 1 and len(rates(model, optimiser)) == len(list(model.parameters()))
    assert set(rates(model, optimiser).values()) == {1e-3}


def test_the_encoder_s_rate_is_a_multiple_and_follows_the_decoder_s():
    model = build_model(TINY.model_copy(update={"likelihood": "logistic"}))
    optimiser = make_optimiser(model, recipe(encoder_rate_factor=0.25))
    set_learning_rate(optimiser, 4e-4)
    for name, rate in rates(model, optimiser).items():
        assert rate == (1e-4 if name.startswith(("encoder.", "to_posterior.")) else 4e-4), name
    assert len(rates(model, optimiser)) == len(list(model.parameters()))


def test_what_does_not_move_is_not_the_optimiser_s():
    model = build_model(TINY)
    freeze_encoder(model)
    optimised = rates(model, make_optimiser(model, recipe()))
    assert optimised and not any(name.startswith(("encoder.", "to_posterior.")) for name in optimised)


def test_a_slower_encoder_takes_smaller_steps():
    model, before = build_model(TINY), build_model(TINY)
    optimiser = make_optimiser(model, recipe(encoder_rate_factor=0.1))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()  # the first step of Adam is of the size of the rate
    for (name, ours), theirs in zip(model.named_parameters(), before.parameters(), strict=True):
        size = 1e-4 if name.startswith(("encoder.", "to_posterior.")) else 1e-3
        torch.testing.assert_close((theirs - ours).detach(), torch.full_like(ours, size), rtol=1e-3, atol=1e-7)
