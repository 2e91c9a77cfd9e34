"""What decodes is all there, and fits in the stated memory."""

import pytest
from PIL import ImageFile

from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused


@pytest.mark.parametrize("name", FOUND_BY["decode"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)


def test_damaged_pixels_stay_an_error_to_pillow() -> None:
    # A library that sets this flag anywhere in the process would let cut files pass.
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
