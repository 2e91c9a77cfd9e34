"""What a VQ-VAE's config refuses, and what it says of its codes."""

import pytest
from pydantic import ValidationError

from vae_core.families.vq_vae.config import VqVaeConfig


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": 30}, "height 30 is not a multiple of 4"),
        ({"widths": (0, 8)}, "widths must be 1 to 4096 channels, came 0"),
        ({"fsq_levels": (1, 8)}, "fsq_levels must be at least 2, came 1"),
        ({"fsq_levels": (64, 64, 64)}, "262144 codes, at most 65536"),
        ({"decay": 1.0}, "less than 1"),
        ({"codebook": 3}, "Extra inputs"),
    ],
)
def test_a_config_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        VqVaeConfig(**changes)


def test_a_config_says_the_size_of_its_alphabet():
    assert (VqVaeConfig().grid, VqVaeConfig().codes, VqVaeConfig().depth) == ((7, 7), 512, 64)
    fsq = VqVaeConfig(quantizer="fsq", fsq_levels=(8, 5))
    assert (fsq.codes, fsq.depth) == (40, 2)
