"""The networks of a VAE: shapes, number formats, draws, and a part of the loss for every weight."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.vae_core.synthetic_images import TINY
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.conv_vae.model import LOGVAR_BOUND, reparameterize
from vae_core.families.conv_vae.protocol import Posterior

CONFIGS = [
    ConvVaeConfig(),
    TINY,
    ConvVaeConfig(channels=3, height=16, width=24, widths=(4, 8, 12), latent_dim=5),
    ConvVaeConfig(height=8, width=8, widths=(4,), latent_dim=1),
    ConvVaeConfig(height=8, width=8, widths=(4, 8), hidden=(20,), latent_dim=3),
    ConvVaeConfig(channels=3, height=9, width=7, widths=(), hidden=(30, 20), latent_dim=4),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_images_go_in_and_images_of_the_same_shape_come_out(config):
    model = build_model(config)
    x = torch.rand(2, *config.shape)
    posterior = model.encode(x)
    assert posterior.mu.shape == posterior.logvar.shape == (2, config.latent_dim)
    assert model.decode_logits(posterior.mu).shape == x.shape
    mean = model.decode(posterior.mu)
    assert mean.min() >= 0 and mean.max() <= 1 and mean.dtype == torch.float32


def test_without_widths_it_is_the_dense_network_between_pixels_and_z():
    config = CONFIGS[-1]
    model, x = build_model(config), torch.rand(5, *config.shape, generator=torch.Generator().manual_seed(0))
    first, second, last = (model.to_posterior[place] for place in (0, 2, 4))
    flat = x.permute(0, 2, 3, 1).flatten(1)
    by_hand = last(torch.relu(second(torch.relu(first(flat)))))[:, :4]
    torch.testing.assert_close(model.encode(x).mu, by_hand)
    assert [each.out_features for each in model.from_code if isinstance(each, nn.Linear)] == [20, 30, 3 * 9 * 7]
    logits = model.decode_logits(by_hand)
    assert logits.min() < 0 < logits.max()


@pytest.mark.parametrize("config", CONFIGS[1:], ids=str)
def test_every_parameter_has_a_part_in_the_loss(config):
    model = build_model(config)
    x = torch.rand(8, *config.shape, generator=torch.Generator().manual_seed(0))
    output = model(x, torch.Generator().manual_seed(0))
    (output.logits.square().sum() + output.posterior.logvar.sum()).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_log_variance_stays_within_its_bounds_for_absurd_images():
    model = build_model(TINY)
    logvar = model.encode(1e6 * torch.randn(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))).logvar
    assert logvar.min() == -LOGVAR_BOUND and logvar.max() == LOGVAR_BOUND


def test_in_bf16_codes_and_logits_are_still_float32():
    model = build_model(TINY)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(torch.rand(2, 1, 8, 8), torch.Generator())
    assert {
        output.logits.dtype,
        output.posterior.mu.dtype,
        output.posterior.logvar.dtype,
        output.z.dtype,
    } == {torch.float32}


def test_draws_have_the_mean_and_variance_of_the_posterior():
    n = 20_000
    mu, logvar = torch.tensor([[1.5, -2.0]]).repeat(n, 1), torch.tensor([[0.0, -3.0]]).repeat(n, 1)
    z = reparameterize(Posterior(mu, logvar), torch.Generator().manual_seed(0)).double().numpy()
    sigma = np.exp([0.0, -1.5])
    # five standard errors: sigma / sqrt(n) of a mean, sqrt(2 / n) of a relative variance
    assert np.all(np.abs(z.mean(0) - [1.5, -2.0]) < 5 * sigma / n**0.5)
    assert np.all(np.abs(z.var(0) / sigma**2 - 1) < 5 * (2 / n) ** 0.5)


def test_the_encoder_drops_by_the_generator_and_only_when_it_is_told_to():
    model, x = build_model(TINY), torch.rand(8, 1, 8, 8)
    one, same, other = (model(x, torch.Generator().manual_seed(seed), 0.3) for seed in (1, 1, 2))
    assert torch.equal(one.posterior.mu, same.posterior.mu) and torch.equal(one.z, same.z)
    assert not torch.equal(one.posterior.mu, other.posterior.mu)
    whole = model.encode_dropping(x, 0.0, torch.Generator())
    assert torch.equal(whole.mu, model.encode(x).mu)  # nothing dropped is `encode` itself


def test_a_generator_decides_the_draw():
    model, x = build_model(TINY), torch.rand(2, 1, 8, 8)
    one, same, other = (model(x, torch.Generator().manual_seed(seed)).z for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
