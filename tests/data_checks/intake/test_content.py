"""Black frames, flat pictures and negatives, by their statistics alone."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_checks.errors import ImageRefused
from data_checks.image_statistics import ImageStatistics
from data_checks.input_validation import judge_image_bytes
from data_checks.intake.content import require_contrast, round_down
from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused
from tests.data_checks.intake.sent import GREY, PICTURE, POLICY, REFERENCE
from tests.data_checks.pictures import encode


@pytest.mark.parametrize("name", FOUND_BY["content"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


def test_without_a_reference_or_with_one_that_is_its_own_mirror_nothing_is_called_a_negative() -> None:
    symmetric = (REFERENCE + REFERENCE[::-1]) / 2
    for reference in (None, symmetric):
        assert judge_image_bytes(encode(255 - PICTURE), GREY, POLICY, reference).accepted


def shown(variance: float = 0.05, mean: float = 0.5, entropy: float = 2.0) -> ImageStatistics:
    return ImageStatistics(mean=mean, variance=variance, entropy_bits=entropy, histogram=np.full(16, 1 / 16))


@pytest.mark.parametrize(
    ("variance", "mean", "told"),
    [
        (0.0, 0.05, "a black frame, check the camera or the export; input_policy.min_variance = 0 lets every flat"),
        (0.0, 0.5, "a picture of one colour, check the camera or the export; input_policy.min_variance = 0"),
        (0.0042, 0.95, "a nearly white picture, as of something small on a white ground; input_policy.min_variance"),
        (0.0042, 0.05, "a nearly black picture; check the exposure, unless it is of something small on a black ground"),
        (0.0042, 0.5, "a picture of little contrast; check the focus and the export, unless it is what it shows"),
    ],
    ids=["black", "one colour", "nearly white", "nearly black", "faint"],
)
def test_a_flat_picture_is_named_by_its_brightness_with_what_to_look_at(
    variance: float, mean: float, told: str
) -> None:
    with pytest.raises(ImageRefused) as caught:
        require_contrast(shown(variance, mean), InputPolicy())
    assert caught.value.refusal is Refusal.low_variance and told in caught.value.detail


@given(st.integers(1, 24_999).map(lambda parts: parts / 1e5), st.integers(1, 3_999).map(lambda parts: parts / 1e3))
def test_the_number_that_a_refusal_advises_lets_the_picture_in(variance: float, entropy: float) -> None:
    picture, strict = shown(variance, entropy=entropy), InputPolicy(min_variance=0.25, min_entropy_bits=4.0)
    advised: dict[str, float] = {}
    for _ in range(2):
        with pytest.raises(ImageRefused) as caught:
            require_contrast(picture, strict.model_copy(update=advised))
        name, value = re.search(r"input_policy\.(\w+) = (\S+) lets it in$", caught.value.detail).groups()
        advised[name] = float(value)
    assert set(advised) == {"min_variance", "min_entropy_bits"}
    require_contrast(picture, InputPolicy(**advised))
    assert advised["min_variance"] > variance / 2 and advised["min_entropy_bits"] > entropy / 2


@pytest.mark.parametrize(("value", "digit"), [(0.0042, 0.004), (0.004, 0.004), (0.0099, 0.009), (1.0, 1.0), (3.7, 3.0)])
def test_a_number_is_rounded_down_to_one_digit(value: float, digit: float) -> None:
    assert round_down(value) == pytest.approx(digit, rel=1e-12)
