"""What a VAE's config refuses."""

import pytest
from pydantic import ValidationError

from vae_core.families.conv_vae.config import ConvVaeConfig


def test_all_sizes_that_cannot_be_halved_are_named_at_once():
    with pytest.raises(ValidationError, match="height 30 is not a multiple of 8.*width 29 is not a multiple of 8"):
        ConvVaeConfig(height=30, width=29, widths=(4, 8, 16))


def test_a_network_needs_a_layer_and_dense_ones_features():
    with pytest.raises(ValidationError, match="widths and hidden are both empty"):
        ConvVaeConfig(widths=())
    with pytest.raises(ValidationError, match="hidden must be 1 to 65536 features, came 0"):
        ConvVaeConfig(hidden=(0,))
    assert ConvVaeConfig(height=9, width=7, widths=(), hidden=(8,)).smaller_decoder() is None


def test_widths_must_be_channels():
    with pytest.raises(ValidationError, match="widths must be 1 to 4096 channels, came 0"):
        ConvVaeConfig(widths=(0, 8))
