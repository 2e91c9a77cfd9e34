"""A codebook of the size that its codes are used for."""

import pytest

from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.shrink import smaller_codebook


@pytest.mark.parametrize(
    ("used", "size"),
    [(1, 16), (16, 16), (17, 32), (32, 32), (33, 64), (100, 128), (256, 256), (257, None), (512, None)],
)
def test_a_codebook_shrinks_to_the_power_of_two_that_its_codes_need(used, size):
    smaller = smaller_codebook(VqVaeConfig(codebook_size=512), used)
    assert (smaller and smaller.codes) == size


@pytest.mark.parametrize("used", [3, 40, 100, 250, 400, 449, 512])
def test_fsq_gets_as_few_levels_as_its_codes_need(used):
    config = VqVaeConfig(quantizer="fsq")
    smaller = smaller_codebook(config, used)
    if used > 448:  # 7 x 8 x 8, the next below
        assert smaller is None
        return
    assert max(used, 16) <= smaller.codes < 512 and min(smaller.fsq_levels) >= 2
    assert smaller.codes * (1 - 1 / max(smaller.fsq_levels)) < max(used, 16)  # one level less would be too few
    assert len(smaller.fsq_levels) == 3
