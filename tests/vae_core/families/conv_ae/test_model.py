import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes
from vae_core.families.build import build_model
from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.images.preprocessing import to_unit
from vae_core.weights import copy_weights, load_weights

NETWORKS = [
    ConvVaeConfig(),
    TINY,
    ConvVaeConfig(channels=3, height=16, width=24, widths=(4, 8, 12), latent_dim=5, decoder_widths=(4, 4, 4)),
    ConvVaeConfig(height=8, width=8, widths=(4, 8), hidden=(20,), latent_dim=3, likelihood="logistic"),
    ConvVaeConfig(channels=3, height=9, width=7, widths=(), hidden=(30, 20), latent_dim=4, likelihood="gaussian"),
]


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_images_become_as_many_numbers_as_the_vae_s_code_and_images_again(network):
    model, x = build_model(ConvAeConfig(network=network)), torch.rand(2, *network.shape)
    output = model(x)
    assert output.z.shape == (2, network.latent_dim) and output.z.dtype == torch.float32
    assert output.logits.shape == x.shape
    mean = model.decode(output.z)
    assert mean.min() >= 0 and mean.max() <= 1 and mean.dtype == torch.float32


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_all_of_its_network_but_the_head_for_the_variance_is_the_vae_s(network):
    vae, ae = build_model(network), build_model(ConvAeConfig(network=network))
    head = f"to_posterior.{2 * len(network.hidden)}" if network.hidden else "to_posterior"
    half = {f"{head}.weight", f"{head}.bias"}
    weights = {
        name.replace("to_posterior", "to_code"): each[: network.latent_dim] if name in half else each
        for name, each in copy_weights(vae).items()
    }
    load_weights(ae, weights)  # refuses another name or shape
    x = torch.rand(3, *network.shape, generator=torch.Generator().manual_seed(0))
    mu = vae.encode(x).mu
    torch.testing.assert_close(ae.encode(x), mu)
    torch.testing.assert_close(ae.decode_logits(mu), vae.decode_logits(mu))


@pytest.mark.parametrize("network", NETWORKS[1:], ids=str)
def test_the_error_reaches_every_weight_the_encoder_s_among_them(network):
    model = build_model(ConvAeConfig(network=network))
    x = torch.rand(8, *network.shape, generator=torch.Generator().manual_seed(0))
    model.nll(model(x).logits, x).mean().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_nothing_is_drawn_but_dropout():
    model, x, generator = build_model(ConvAeConfig(network=TINY)), to_unit(boxes(8)), torch.Generator().manual_seed(1)
    before = generator.get_state()
    assert torch.equal(model(x, generator).z, model.encode(x)) and torch.equal(generator.get_state(), before)
    one, same, other = (model(x, torch.Generator().manual_seed(seed), 0.3).z for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_held_out_images_are_judged_by_the_nll_at_their_codes_without_the_penalty():
    x, generator = to_unit(boxes(6)), torch.Generator()
    plain, penalised = (build_model(ConvAeConfig(network=TINY, code_penalty=each)) for each in (0, 3))
    by_hand = torch.nn.functional.binary_cross_entropy(plain.decode(plain.encode(x)), x, reduction="none").sum(
        (1, 2, 3)
    )
    torch.testing.assert_close(plain.watched_loss(x, generator), by_hand)
    assert torch.equal(penalised.watched_loss(x, generator), plain.watched_loss(x, generator))
