"""What is refused, reason by reason: how many, since when, and what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.latentloop.quarantine.typed import run


def test_list_says_how_many_since_when_and_what_to_do(home: Path) -> None:
    said = run("list").stdout
    assert re.search(r"low_variance  1 image of s, since \d{4}-\d\d-\d\d", said)
    assert "input_policy.min_variance" in said and "nothing is lost" in said
    found = {each["reason"]: each for each in json.loads(run("list", "--json").stdout)}
    assert {reason: each["images"] for reason, each in found.items()} == {
        "low_variance": 1, "truncated": 1, "duplicate": 1,
    }  # fmt: skip
    assert found["truncated"]["other_settings"] == 0 and found["truncated"]["since"]
