"""Dropout of whole maps, and the way from maps to vectors."""

import pytest
import torch

from tests.vae_core.two_ranks import run_on_two
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.layers.convolutions import (
    build_downward,
    build_layers,
    drop_maps,
    flatten_maps,
    pass_dropping,
    unflatten_maps,
)


def test_dropout_silences_whole_maps_at_its_rate_and_keeps_their_mean():
    maps = torch.ones(400, 32, 3, 3)
    dropped = drop_maps(maps, 0.2, torch.Generator().manual_seed(0))
    assert torch.equal(dropped.amax((2, 3)), dropped.amin((2, 3)))
    # five standard errors of a share of 12,800 independent maps
    assert (dropped[:, :, 0, 0] == 0).float().mean().item() == pytest.approx(0.2, abs=5 * (0.16 / 12_800) ** 0.5)
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert not torch.equal(dropped[0], dropped[1])


def test_of_two_processes_each_silences_its_rows_of_what_one_would_silence():
    maps = torch.ones(8, 16, 2, 2)
    whole = drop_maps(maps, 0.3, torch.Generator().manual_seed(0))
    parts = run_on_two(lambda ranks: drop_maps(ranks.own(maps), 0.3, torch.Generator().manual_seed(0), ranks))
    assert torch.equal(torch.cat(parts), whole)


def test_maps_become_vectors_and_maps_again_and_copy_nothing_in_the_layout_of_the_kernels():
    maps = torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).view(2, 3, 4, 5)
    for layout in (torch.contiguous_format, torch.channels_last):
        assert torch.equal(unflatten_maps(flatten_maps(maps.contiguous(memory_format=layout)), (4, 5, 3)), maps)
    there = maps.contiguous(memory_format=torch.channels_last)
    assert flatten_maps(there).data_ptr() == there.data_ptr()


def test_dropping_nothing_is_passing_and_maps_are_dropped_behind_every_rectifier():
    layers, x = build_downward((1, 64, 64)), torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(pass_dropping(layers, x, 0.0, torch.Generator()), layers(x))
    dropped = pass_dropping(layers[:2], x, 0.5, torch.Generator().manual_seed(0))
    kept = dropped.amax((2, 3)) > 0
    torch.testing.assert_close(dropped[kept], 2 * layers[:2](x)[kept])
    assert 0.2 < kept.float().mean() < 0.6, "half of them, and some are silent by themselves"


@pytest.mark.parametrize(
    ("height", "width", "widths", "hidden"), [(16, 24, (4, 8), ()), (8, 8, (4,), (20, 10)), (7, 9, (), (12,))]
)
def test_the_four_parts_meet_in_maps_of_the_shape_that_they_say(height, width, widths, hidden):
    config = ConvVaeConfig(height=height, width=width, widths=widths, hidden=hidden, latent_dim=3)
    layers, x = build_layers(config, encoded=6), torch.rand(2, 1, height, width)
    assert layers.from_maps(flatten_maps(layers.encoder(x))).shape == (2, 6)
    maps = unflatten_maps(layers.from_code(torch.zeros(2, 3)), layers.map_shape)
    assert layers.decoder(maps).shape == x.shape
