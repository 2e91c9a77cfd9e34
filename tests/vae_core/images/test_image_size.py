"""Image sizes that can be halved often enough."""

import pytest
from pydantic import ValidationError

from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.images.image_size import find_size_problems


def test_all_sizes_that_cannot_be_halved_are_named_at_once():
    with pytest.raises(ValidationError, match="height 30 is not a multiple of 8.*width 29 is not a multiple of 8"):
        ConvVaeConfig(height=30, width=29, widths=(4, 8, 16))


def test_widths_must_be_channels():
    with pytest.raises(ValidationError, match="widths must be 1 to 4096 channels, came 0"):
        ConvVaeConfig(widths=(0, 8))


@pytest.mark.parametrize(
    ("height", "width", "widths", "problems"),
    [
        (28, 28, (32, 64), []),
        (7, 9, (), []),  # nothing is halved
        (30, 28, (4, 8), ["height 30 is not a multiple of 4, and 2 widths halve it as often"]),
        (
            8,
            8,
            (4, 8, 16, 32),
            [f"{name} 8 is not a multiple of 16, and 4 widths halve it as often" for name in ("height", "width")],
        ),
        (
            8,
            8,
            (0, 4097),
            ["widths must be 1 to 4096 channels, came 0", "widths must be 1 to 4096 channels, came 4097"],
        ),
    ],
)
def test_each_problem_is_a_line(height, width, widths, problems):
    assert find_size_problems(height, width, widths) == problems
