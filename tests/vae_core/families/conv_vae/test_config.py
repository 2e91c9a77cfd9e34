"""What a VAE's config refuses."""

import pytest
from pydantic import ValidationError

from vae_core.families.conv_vae.config import ConvVaeConfig


def test_a_network_needs_a_layer_and_dense_ones_features():
    with pytest.raises(ValidationError, match="widths and hidden are both empty"):
        ConvVaeConfig(widths=())
    with pytest.raises(ValidationError, match="hidden must be 1 to 65536 features, came 0"):
        ConvVaeConfig(hidden=(0,))
    assert ConvVaeConfig(height=9, width=7, widths=(), hidden=(8,)).smaller_decoder() is None
