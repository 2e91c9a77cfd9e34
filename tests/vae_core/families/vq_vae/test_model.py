"""The networks of a VQ-VAE: images to codes to images, and that they learn."""

import pytest
import torch

from tests.vae_core.synthetic_images import boxes
from vae_core.errors import DataError
from vae_core.families.build import build_model
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.model import VqVae, vq_loss
from vae_core.images.preprocessing import to_unit
from vae_core.weights import copy_weights, encoder_digest, load_weights

TINY = VqVaeConfig(height=8, width=8, widths=(4, 8), codebook_size=16, code_dim=8)
CONFIGS = [
    VqVaeConfig(),
    TINY,
    TINY.model_copy(update={"quantizer": "gradient", "gradient": "rotation"}),
    VqVaeConfig(channels=3, height=16, width=24, widths=(4, 8, 12), codebook_size=8, code_dim=5),
    VqVaeConfig(height=8, width=8, widths=(4,), quantizer="fsq", fsq_levels=(4, 3)),
]


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images(config: VqVaeConfig, count: int = 24) -> torch.Tensor:
    return torch.rand(count, *config.shape, generator=_generator(9))


def _train(model: VqVae, x: torch.Tensor, steps: int, *, bf16: bool = False) -> list[float]:
    generator, losses = _generator(1), []
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            output = model(x, generator)
        loss = vq_loss(output, x, model.config.commitment)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        model.follow(output, generator)
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_images_become_a_grid_of_codes_and_images_again(config):
    model, x = build_model(config), _images(config)
    z_e = model.encode(x)
    assert (
        z_e.shape == (24, config.depth, *config.grid)
        and model.latent_dim == config.summary_dim == model.summarise(z_e).shape[1]
    )
    output = model.train()(x, _generator())
    assert output.quantised.z_q.shape == z_e.shape and output.mean.shape == x.shape
    assert output.quantised.indices.shape == (24, *config.grid) and output.quantised.indices.max() < config.codes
    found = model.eval().quantise(model.encode(x))
    mean = model.decode(found.z_q)
    assert mean.min() >= 0 and mean.max() <= 1 and mean.dtype == torch.float32
    # FSQ's codes are rounded by another formula on the way back
    torch.testing.assert_close(model.decode_codes(found.indices), mean, rtol=1e-5, atol=1e-6)


def test_a_summary_keeps_the_distances_of_the_grids_and_knows_where_a_code_stands():
    model, z_e = build_model(VqVaeConfig()), torch.randn(80, 64, 7, 7, generator=_generator())
    exact, kept = (torch.nn.functional.pdist(each) for each in (z_e.flatten(1), model.summarise(z_e)))
    # of 64 directions each square is a chi-square of 64 degrees: a distance errs by 1 / sqrt(128), 9 %
    scale = (64 / z_e[0].numel()) ** 0.5
    assert (kept / (exact * scale) - 1).abs().mean() < 0.09 and abs(float((kept / (exact * scale)).mean()) - 1) < 0.03
    assert (model.summarise(z_e) - model.summarise(z_e.flip(3))).abs().mean() > 0.5
    assert torch.equal(build_model(VqVaeConfig(), seed=9).directions, model.directions)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_every_parameter_has_a_part_in_the_loss(config):
    model, x = build_model(config).train(), _images(config)
    vq_loss(model(x, _generator()), x, config.commitment).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_the_loss_is_squared_error_codebook_loss_and_weighted_commitment():
    config = TINY.model_copy(update={"quantizer": "gradient"})
    model, x = build_model(config).train(), _images(config)
    output = model(x, _generator())
    terms = output.quantised
    assert terms.commitment > 0
    torch.testing.assert_close(terms.commitment, terms.codebook_loss)
    expected = (output.mean - x).square().mean() + terms.codebook_loss + 0.25 * terms.commitment
    torch.testing.assert_close(vq_loss(output, x, 0.25), expected)


@pytest.mark.parametrize("config", CONFIGS[1:], ids=str)
def test_it_learns(config):
    model = build_model(config).train()
    x = to_unit(boxes(64)) if config.channels == 1 else _images(config, 64)
    losses = _train(model, x, 60)
    assert losses[-1] < 0.6 * losses[0]


def test_in_bf16_it_learns_too_and_codes_and_averages_stay_float32():
    model = build_model(TINY).train()
    losses = _train(model, to_unit(boxes(64)), 60, bf16=True)
    assert losses[-1] < 0.6 * losses[0]
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32, torch.bool}
    with torch.autocast("cpu", torch.bfloat16):
        output = model(to_unit(boxes(4)), _generator())
    assert {output.mean.dtype, output.quantised.z_q.dtype, output.quantised.commitment.dtype} == {torch.float32}


def test_in_eval_mode_nothing_moves():
    model = build_model(TINY).train()
    _train(model, to_unit(boxes(32)), 3)
    before = copy_weights(model.eval())
    model(to_unit(boxes(32, seed=1)))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_a_seed_names_the_first_weights_and_the_global_state_is_left_alone(config):
    before = torch.get_rng_state()
    one, same, other = (build_model(config, seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["encoder.0.weight"], other["encoder.0.weight"])


def test_weights_and_codebook_go_into_another_model_bit_for_bit():
    model, x = build_model(TINY).train(), to_unit(boxes(32))
    _train(model, x, 5)
    weights = copy_weights(model)
    assert {"quantiser.book.codebook", "quantiser.book.counts", "quantiser.book.sums", "quantiser.started"} <= set(
        weights
    )
    other = build_model(TINY, seed=8)
    load_weights(other, weights)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in other.state_dict().items())
    assert torch.equal(model.eval()(x).mean, other.eval()(x).mean)
    _train(model.train(), x, 2)
    _train(other.train(), x, 2)
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in other.state_dict().items())


@pytest.mark.parametrize("config", [TINY, CONFIGS[3]], ids=str)
def test_the_codebook_moves_under_a_frozen_encoder(config):
    model, x = build_model(config).train(), _images(config, 32)
    _train(model, x, 2)
    for part in model.ENCODER:
        model.get_submodule(part).eval().requires_grad_(False)
    digest, z_e, codes = encoder_digest(model), model.encode(x), model.quantiser.book.codebook.clone()
    _train(model, x, 5)
    assert encoder_digest(model) == digest and torch.equal(model.encode(x), z_e)
    assert not torch.equal(model.quantiser.book.codebook, codes)


def test_more_batches_can_start_a_codebook_that_one_is_too_small_for():
    model, x = build_model(TINY).train(), to_unit(boxes(12))
    with pytest.raises(DataError, match="at least 16 tokens for 16 codes, came 12"):
        model(x[:3], _generator())
    model.start_codes([x[:3], x[3:6]], _generator())
    assert model.quantiser.started and torch.isfinite(model(x[:3], _generator()).mean).all()


def test_what_is_no_image_of_this_model_is_named():
    model = build_model(TINY)
    for shape in ((2, 1, 8, 12), (2, 3, 8, 8), (0, 1, 8, 8), (1, 8, 8)):
        with pytest.raises(DataError, match=r"expected images \(B, 1, 8, 8\), came"):
            model.encode(torch.zeros(shape))
    with pytest.raises(DataError, match="NaN or infinite"):
        model.eval()(torch.full((20, 1, 8, 8), float("nan")))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_it_learns_on_a_gpu():
    model, x = build_model(TINY).cuda().train(), to_unit(boxes(64)).cuda()
    generator = torch.Generator("cuda").manual_seed(0)
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=1e-2), []
    for _ in range(60):
        with torch.autocast("cuda", torch.bfloat16):
            output = model(x, generator)
        loss = vq_loss(output, x, 0.25)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        model.follow(output, generator)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]
