"""The settings that an installation works with are on record, and who was told otherwise is told so."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.configuration.digest import settings_digest
from deploy.configuration.in_force import (
    SettingsDiffer,
    declare_settings,
    find_disagreement,
    read_settings_in_force,
    require_agreement,
)
from deploy.settings import Settings, load_settings
from deploy.stores.sql.ledger import Ledger
from deploy.wiring import open_database
from tests.deploy.settled import empty_the_environment

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    empty_the_environment(tmp_path, monkeypatch)
    return Ledger(open_database(load_settings()))


def shop(folder: Path, variance: float = 0.002) -> Settings:
    (folder / "latentloop.toml").write_text(f'product = "shop"\n[input_policy]\nmin_variance = {variance}\n')
    return load_settings()


def test_before_the_first_start_nothing_is_in_force_and_everybody_agrees(ledger: Ledger, tmp_path: Path) -> None:
    assert read_settings_in_force(ledger) is None
    assert find_disagreement(ledger, shop(tmp_path), "ask") == ""


def test_what_was_declared_is_in_force_with_its_file_and_its_values(ledger: Ledger, tmp_path: Path) -> None:
    settings = shop(tmp_path)

    assert declare_settings(ledger, settings, NOW) == ""

    found = read_settings_in_force(ledger)
    assert found is not None
    assert (found.digest, found.file) == (settings_digest(settings), str(tmp_path / "latentloop.toml"))
    assert (found.values["product"], found.values["input_policy.min_variance"], found.since) == ("shop", 0.002, NOW)
    require_agreement(ledger, settings, "ask")


def test_the_same_settings_are_recorded_once_and_a_change_names_what_changed(ledger: Ledger, tmp_path: Path) -> None:
    declare_settings(ledger, shop(tmp_path), NOW)
    declare_settings(ledger, shop(tmp_path), NOW)

    changed = declare_settings(ledger, shop(tmp_path, 0.004), NOW)

    assert changed == "input_policy.min_variance (0.004 here, 0.002 before)"
    assert len(ledger.entries("settings")) == 2
    assert json.loads(ledger.entries("settings")[0].body)["values"]["input_policy.min_variance"] == 0.004


def test_who_was_told_otherwise_is_refused_in_one_line_that_names_the_keys_and_the_way_out(
    ledger: Ledger, tmp_path: Path
) -> None:
    declare_settings(ledger, shop(tmp_path), NOW)
    (tmp_path / "latentloop.toml").unlink()

    with pytest.raises(SettingsDiffer) as refused:
        require_agreement(ledger, load_settings(), "do this")

    said = str(refused.value)
    assert "\n" not in said
    assert 'input_policy.min_variance (0.01 here, 0.002 there), product ("image-vae" here, "shop" there)' in said
    assert "no settings file" in said
    assert str(tmp_path / "latentloop.toml") in said
    assert said.endswith("; do this, or put these settings in force with `latentloop down`, then `latentloop up`")


def test_where_the_same_file_was_changed_nobody_is_sent_to_it(ledger: Ledger, tmp_path: Path) -> None:
    declare_settings(ledger, shop(tmp_path), NOW)

    said = find_disagreement(ledger, shop(tmp_path, 0.004), "go there")

    assert "input_policy.min_variance (0.004 here, 0.002 there)" in said
    assert "go there" not in said
    assert said.endswith("`latentloop down`, then `latentloop up`, or take the change back")
