"""The transposed convolution against PyTorch's: bitwise in fp32, by its derivatives and error bounds in bf16."""

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from vae_core.layers.convolutions import build_upward
from vae_core.layers.upward import Spread, UpwardConvolution

SIZES = [(7, 1), (6, 3), (5, 4)]
HALF_A_BF16_STEP = 2**-9
"""Largest relative error of rounding to bf16, which keeps 8 bits of a number."""
# Each term has two factors that were rounded. A processor that multiplies in bf16 rounds the finished sum; elsewhere
# PyTorch rounds each tap's sum, and again wherever it adds one of the at most four that meet in a pixel.
ROUNDINGS = 3 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else 6


@pytest.fixture(autouse=True)
def _on_one_thread() -> Iterator[None]:
    """Sums are bitwise repeatable on one thread only."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def drawn_layer(before: int, after: int) -> UpwardConvolution:
    layer = UpwardConvolution(before, after)
    with torch.no_grad():
        layer.weight.copy_(draw(*layer.weight.shape, seed=1))
        layer.bias.copy_(draw(after, seed=2))
    return layer.to(memory_format=torch.channels_last)


def drawn_maps(before: int, batch: int = 9, height: int = 5, width: int = 4) -> torch.Tensor:
    return draw(batch, before, height, width).to(memory_format=torch.channels_last).requires_grad_()


def plain(maps: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return functional.conv_transpose2d(maps, kernel, bias, stride=2, padding=1, output_padding=1)


def pass_both_ways(layer: nn.Module, maps: torch.Tensor, pull: torch.Tensor, *, bf16: bool) -> list[torch.Tensor]:
    """What comes out, and the gradients of maps, kernel and bias under the pull (B, O, 2H, 2W)."""
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        spread = layer(maps)
    return [spread.detach(), *torch.autograd.grad(spread, [maps, *layer.parameters()], pull.to(spread.dtype))]


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_without_autocast_it_is_pytorchs_own_bit_for_bit(before, after):
    layer, maps, pull = drawn_layer(before, after), drawn_maps(before), draw(9, after, 10, 8, seed=3)
    theirs = nn.ConvTranspose2d(before, after, kernel_size=3, stride=2, padding=1, output_padding=1)
    theirs.load_state_dict(layer.state_dict())  # so old weights fit, too
    theirs = theirs.to(memory_format=torch.channels_last)
    ours = pass_both_ways(layer, maps, pull, bf16=False)
    assert all(map(torch.equal, ours, pass_both_ways(theirs, maps, pull, bf16=False)))


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_its_derivatives_are_those_of_finite_differences(before, after):
    maps, kernel, bias = (
        draw(*shape, seed=seed, dtype=torch.float64).requires_grad_()
        for seed, shape in enumerate([(2, before, 2, 3), (before, after, 3, 3), (after,)])
    )
    torch.testing.assert_close(Spread.apply(maps, kernel, bias), plain(maps, kernel, bias))
    assert torch.autograd.gradcheck(Spread.apply, (maps, kernel, bias))


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_in_bf16_nothing_is_further_off_than_rounding_explains(before, after):
    layer, maps, pull = drawn_layer(before, after), drawn_maps(before), draw(9, after, 10, 8, seed=3)
    ours = pass_both_ways(layer, maps, pull, bf16=True)
    exact, kernel, bias = (each.detach().double().requires_grad_() for each in (maps, layer.weight, layer.bias))
    spread = plain(exact, kernel, bias)
    truth = [spread.detach(), *torch.autograd.grad(spread, (exact, kernel, bias), pull.double())]
    # the same sums of absolute values
    sizes = [each.detach().abs().requires_grad_() for each in (exact, kernel, bias)]
    most = plain(*sizes)
    bounds = [most.detach(), *torch.autograd.grad(most, sizes, pull.double().abs())]
    for came, expected, size in zip(ours, truth, bounds, strict=True):
        assert ((came.double() - expected).abs() <= (ROUNDINGS + 0.1) * HALF_A_BF16_STEP * size).all()
    assert not torch.equal(ours[0].double(), truth[0])


def test_one_map_comes_in_float32_and_several_in_bf16_while_gradients_are_float32():
    for after, expected in ((1, torch.float32), (3, torch.bfloat16)):
        layer, maps = drawn_layer(4, after), drawn_maps(4)
        spread, *gradients = pass_both_ways(layer, maps, draw(9, after, 10, 8), bf16=True)
        assert spread.dtype == expected and spread.shape == (9, after, 10, 8)
        assert all(gradient.dtype == torch.float32 for gradient in gradients)


def test_a_decoder_trains_through_rectifiers_that_write_in_place():
    # of single draws 4 in 100 err by more than 2^-5, where a small sum decides a rectifier; a wrong pass errs in all
    errors = [error_of_gradients(seed) for seed in range(20)]
    assert sum(errors) / len(errors) <= 2**-5  # bf16 through two layers and back


def error_of_gradients(seed: int) -> float:
    """The largest relative error in bf16 of a parameter's gradient, of a decoder whose weights the seed names."""
    torch.manual_seed(seed)
    decoder, maps = build_upward([6, 4, 1]), drawn_maps(6)
    with torch.autocast("cpu", torch.bfloat16):
        decoder(maps).square().mean().backward()
    rough = [parameter.grad.clone() for parameter in decoder.parameters()]
    decoder.zero_grad()
    decoder(maps).square().mean().backward()
    pairs = zip(rough, decoder.parameters(), strict=True)
    return max(float((ours - exact.grad).norm() / exact.grad.norm()) for ours, exact in pairs)


def test_what_is_frozen_gets_no_gradient():
    layer = drawn_layer(4, 2).requires_grad_(False)
    maps = drawn_maps(4)
    with torch.autocast("cpu", torch.bfloat16):
        layer(maps).float().sum().backward()
    assert maps.grad is not None and layer.weight.grad is None and layer.bias.grad is None
    layer.bias.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        layer(maps.detach()).float().sum().backward()
    assert layer.weight.grad is None and float(layer.bias.grad[0]) == 9 * 10 * 8


@pytest.mark.parametrize("after", [1, 3])
def test_where_nothing_is_derived_the_same_values_come_every_time(after):
    layer, maps = drawn_layer(4, after), drawn_maps(4)
    with torch.autocast("cpu", torch.bfloat16):
        trained = layer(maps).detach()
        with torch.inference_mode():
            assert torch.equal(layer(maps), trained)


def test_another_device_or_format_has_pytorchs_own():
    layer = UpwardConvolution(4, 1).to("meta")
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.empty(2, 4, 3, 3, device="meta")).shape == (2, 1, 6, 6)
    layer, maps = drawn_layer(4, 1), drawn_maps(4)
    with torch.autocast("cpu", torch.float16):
        assert layer(maps).dtype == torch.float16
