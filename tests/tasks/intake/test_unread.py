"""Files that are too large to be read stay in quarantine by their names, one decision a change, until they are gone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tasks.intake.unread import UNREAD, UnreadFile, note_unread
from tests.tasks.conftest import Configure
from tests.tasks.opened import opened

AT = datetime(2026, 1, 1, tzinfo=UTC)
HUGE = 2**29


def note(*names: str, place: str = "/pictures") -> None:
    """An ingest of the place found these files too large."""
    note_unread(opened(), place, [UnreadFile(name, "s", AT, HUGE) for name in names], opened().now())


def decided() -> list[tuple[str, int, str, int]]:
    """The newest decision on each file: name, row, reason and round."""
    rows = opened().catalogue.decisions(["name"]).to_pylist()
    return [(each["name"], each["row"], each["reason"], each["round"]) for each in rows]


@pytest.mark.usefixtures("configure")
def test_a_file_that_is_still_too_large_is_not_decided_twice() -> None:
    note("a.png", "b.png")
    version = opened().catalogue.read(table="quarantine")
    note("a.png", "b.png")
    assert decided() == [("a.png", 0, "too_many_bytes", 0), ("b.png", 1, "too_many_bytes", 0)]
    assert opened().catalogue.read(table="quarantine") == version
    (segment,) = set(version["segment"].to_pylist())
    assert segment.startswith(UNREAD), "no segment of the captures: nothing is judged again without its file"


@pytest.mark.usefixtures("configure")
def test_a_file_that_is_gone_ends_its_stay_and_has_its_row_again_when_it_comes_back() -> None:
    note("a.png", "b.png")
    note("b.png")
    assert decided() == [("a.png", 0, "discarded", 1), ("b.png", 1, "too_many_bytes", 0)]
    note("b.png", "c.png")
    assert decided()[0] == ("a.png", 0, "discarded", 1), "it is gone once"
    note("a.png", "b.png", "c.png")
    assert decided() == [
        ("a.png", 0, "too_many_bytes", 3),
        ("b.png", 1, "too_many_bytes", 0),
        ("c.png", 2, "too_many_bytes", 2),
    ]


@pytest.mark.usefixtures("configure")
def test_places_do_not_end_the_stay_of_one_anothers_files() -> None:
    note("a.png")
    note("b.png", place="/others")
    note("a.png")
    assert sorted(decided()) == [("a.png", 0, "too_many_bytes", 0), ("b.png", 0, "too_many_bytes", 0)]


def test_another_limit_decides_anew(configure: Configure) -> None:
    note("a.png")
    configure("max_bytes = 1000000\n")
    note("a.png")
    assert decided() == [("a.png", 0, "too_many_bytes", 1)]
