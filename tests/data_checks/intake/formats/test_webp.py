"""WebP files, read before a pixel is decoded."""

import pytest

from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused


@pytest.mark.parametrize("name", FOUND_BY["formats.webp"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)
