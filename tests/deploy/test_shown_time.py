"""Times for a person, in the zone that settings name."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.configuration.digest import settings_digest
from deploy.settings import SettingsError, load_settings
from deploy.shown_time import in_zone, show_time
from tests.deploy.settled import empty_the_environment

WINTER, SUMMER = datetime(2026, 1, 31, 23, 30, 5, tzinfo=UTC), datetime(2026, 7, 31, 23, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "at", "shown"),
    [
        ("UTC", WINTER, "2026-01-31 23:30:05 UTC"),
        ("Europe/Berlin", WINTER, "2026-02-01 00:30:05 CET"),
        ("Europe/Berlin", SUMMER, "2026-08-01 01:30:05 CEST"),
        ("Asia/Kolkata", WINTER, "2026-02-01 05:00:05 IST"),
    ],
)
def test_a_time_is_shown_in_the_zone_that_is_named_with_the_zone_beside_it(zone: str, at: datetime, shown: str) -> None:
    assert show_time(at, zone) == shown
    assert in_zone(at, zone) == at


def test_seconds_may_be_left_out() -> None:
    assert show_time(WINTER, "Europe/Berlin", seconds=False) == "2026-02-01 00:30 CET"


def test_without_a_name_it_is_the_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    try:
        assert show_time(WINTER, None) == "2026-02-01 08:30:05 JST"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a moment with a time zone, came 2026-01-31T23:30:05"):
        show_time(WINTER.replace(tzinfo=None), "UTC")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Europe/Berlim", "; did you mean Europe/Berlin?"),
        ("europe/berlin", "; did you mean Europe/Berlin?"),
        ("Europe", ""),
        ("", ""),
        ("/etc/passwd", ""),
        ("../UTC", "; did you mean UTC?"),
        ("moon", ""),
    ],
)
def test_a_zone_that_is_none_is_refused_in_one_line(
    name: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_the_environment(tmp_path, monkeypatch)
    monkeypatch.setenv("LATENTLOOP_TIMEZONE", name)

    with pytest.raises(SettingsError) as refused:
        load_settings()

    expected = f'timezone: expected the name of a time zone such as "UTC" or "Europe/Berlin"{meant}; came {name!r}'
    assert str(refused.value) == f"{expected} (set by LATENTLOOP_TIMEZONE)"


def test_the_zone_is_of_one_machine_and_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_the_environment(tmp_path, monkeypatch)
    before = settings_digest(load_settings())
    monkeypatch.setenv("LATENTLOOP_TIMEZONE", "Asia/Kolkata")

    settings = load_settings()

    assert settings.timezone == "Asia/Kolkata"
    assert settings_digest(settings) == before
