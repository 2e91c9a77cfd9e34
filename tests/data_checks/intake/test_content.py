"""Black frames, flat pictures and negatives, by their statistics alone."""

import pytest

from data_checks.input_gate import judge_image_bytes
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
