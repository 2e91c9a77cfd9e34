"""How large the frames of AV1 data are, before one of them is decoded."""

import pytest

from tests.data_checks.intake.bad_kinds import FOUND_BY, require_refused


@pytest.mark.parametrize("name", FOUND_BY["formats.av1"])
def test_each_bad_kind_is_refused_for_its_reason_in_one_line(name: str) -> None:
    require_refused(name)
