"""The numbers of input validation, and what they may be set to."""

import io
from typing import get_args

import pytest
from PIL import Image
from pydantic import ValidationError

from data_checks.intake.formats.header import ImageFormat
from data_checks.policy import MOST_PIXELS, InputPolicy
from tests.data_checks.intake.judging import KINDS


def test_no_setting_lets_in_what_pillow_takes_for_a_decompression_bomb() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None and MOST_PIXELS < Image.MAX_IMAGE_PIXELS
    with pytest.raises(ValidationError, match="max_pixels"):
        InputPolicy(max_pixels=MOST_PIXELS + 1)


def test_every_format_that_can_be_decoded_is_taken_unless_it_is_left_out() -> None:
    opened = {Image.open(io.BytesIO(make().data)).format for make in KINDS.values()}
    assert set(InputPolicy().formats) == opened == set(get_args(ImageFormat))
    assert InputPolicy(formats=("PNG",)).formats == ("PNG",)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"formats": ()}, "formats"),
        ({"formats": ("PNG", "PDF")}, "formats"),
        ({"max_bytes": 0}, "max_bytes"),
        ({"max_bytes": 2**28 + 1}, "max_bytes"),
        ({"min_variance": -0.01}, "min_variance"),
        ({"min_variance": 0.26}, "min_variance"),
        ({"min_entropy_bits": 4.1}, "min_entropy_bits"),
        ({"inversion_margin": 0}, "inversion_margin"),
        ({"max_refused_share": 1}, "max_refused_share"),
        ({"max_refused_share": float("nan")}, "max_refused_share"),
        ({"refused_share_confidence": 0.5}, "refused_share_confidence"),
        ({"refused_share_min_images": 0}, "refused_share_min_images"),
        ({"min_varience": 0.1}, "min_varience"),
    ],
    ids=str,
)
def test_a_number_that_no_batch_could_meet_or_break_and_an_unknown_word_are_refused(
    changes: dict[str, object], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        InputPolicy(**changes)  # type: ignore[arg-type]
