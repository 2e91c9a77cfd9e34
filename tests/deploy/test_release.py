"""The release as a value: what contradicts itself is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from deploy.release import Release


@pytest.mark.parametrize(
    "wrong",
    [
        {"canary_share": 0.05},
        {"canary": {"version": "2", "digest": "d", "artifact": "a"}},
        {"canary_share": 1.5},
        {"epoch": -1},
        {"lanes": []},
        {"changed_at": "2026-03-01T12:00:00"},
        {"champion": {"version": "", "digest": "d", "artifact": "a"}},
    ],
)
def test_a_contradictory_release_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Release.model_validate(wrong)
