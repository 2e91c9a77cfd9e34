"""What lies in quarantine, and what of it is meant by a name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from latentloop.errors import NothingToDo
from tasks.intake.unread import UnreadFile, note_unread
from tests.latentloop.quarantine.typed import run
from tests.tasks.opened import opened


def test_what_was_never_read_stays_and_hinders_nobody(home: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    note_unread(opened(), "/pictures", [UnreadFile("huge.png", "s", at, 2**29)], at)

    assert "too_many_bytes  1 image of s, since 2026-01-01" in run("list").stdout
    assert run("show", "too_many_bytes", "--html", str(home / "sheet.html")).exit_code == 0
    assert "huge.png" in (home / "sheet.html").read_text()
    assert "1 stay: never read, too large" in run("release", "all", "--reason", "fine").stdout
    assert "1 stay: never read, too large" in run("discard", "all", "--reason", "gone").stdout
    assert [each["reason"] for each in json.loads(run("list", "--json").stdout)] == ["too_many_bytes"]


def test_rows_are_named_by_ids_that_other_commands_take(home: Path) -> None:
    rows = {each["reason"]: each for each in json.loads(run("show", "all", "--json").stdout)}
    assert rows["low_variance"]["id"] in run("show", "low_variance").stdout
    said = run("release", rows["low_variance"]["id"], rows["truncated"]["id"], "--reason", "a night picture").stdout
    assert said.splitlines() == [
        "1 of 2 images are in the catalogue now",
        "  1 stay: truncated: no setting makes pictures of these files: send them again whole, or `discard` them",
    ]
    none = run("release", rows["truncated"]["id"], "--reason", "again")
    assert none.exit_code == 1 and none.stdout.startswith("0 of 1 images")
    assert opened().catalogue.read(["vouched"])["vouched"].to_pylist() == ["", "a night picture"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("show", "nonsense"), r"nothing in quarantine is called 'nonsense': expected `all`, .*\(duplicate, low_var"),
        (("release", "all", "--reason", "  "), "--reason: expected a sentence that goes on record"),
    ],
)
def test_what_fits_nothing_is_one_line(home: Path, words: tuple[str, ...], expected: str) -> None:
    with pytest.raises(NothingToDo, match=expected) as caught:
        run(*words)
    assert "\n" not in str(caught.value)
