"""What two configs have otherwise, in words."""

import pytest

from tests.vae_core.synthetic_images import TINY, TINY_VQ, recipe
from vae_core.training.checkpoints.differences import describe_differences


@pytest.mark.parametrize(
    ("found", "asked", "words"),
    [
        (TINY, TINY, ""),
        (TINY, TINY.model_copy(update={"latent_dim": 5}), "latent_dim 4 instead of 5"),
        (
            TINY,
            TINY.model_copy(update={"widths": (4,), "decoder_widths": (8,)}),
            "widths (4, 8) instead of (4,), decoder_widths None instead of (8,)",
        ),
        # of another kind only what both kinds have is told
        (TINY, TINY_VQ, "variant conv_vae instead of vq_vae"),
        # a config within a config by its dotted name, and floats without the digits that say nothing
        (recipe(30, beta=1e-5), recipe(40), "budget.amount 30 instead of 40, beta 1e-05 instead of 1"),
        (recipe(2, "epochs"), recipe(2), "budget.unit epochs instead of steps"),
    ],
)
def test_every_field_that_both_have_is_told_with_both_values(found, asked, words):
    assert describe_differences(found, asked) == words
