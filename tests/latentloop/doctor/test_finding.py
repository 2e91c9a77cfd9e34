"""One look: whatever a known error ends is a finding, and the next look is taken all the same."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest

from latentloop.doctor.finding import Finding, Health, look, ok


def test_a_check_that_ends_in_a_known_error_is_a_finding_and_a_mistake_of_ours_is_none() -> None:
    def breaking(error: Exception) -> Iterator[Finding]:
        yield ok("disk", "there")
        raise error

    found = list(look("disk", breaking, PermissionError(errno.EACCES, "Permission denied", "/shop")))
    assert [each.line for each in found] == ["there", "/shop: Permission denied: mend its rights"]
    assert found[-1].health is Health.wrong
    with pytest.raises(KeyError):
        list(look("disk", breaking, KeyError("ours")))
