"""docs/settings.md is what the code says, on every machine, and its example is a settings file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.configuration.fields import read_tables
from deploy.settings import Settings, load_settings
from latentloop.settings.page import write_page
from tests.deploy.settled import empty_the_environment

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_page_is_what_the_code_says() -> None:
    renewed = "docs/settings.md is stale: renew it with `python -m latentloop.settings.page > docs/settings.md`"
    assert PAGE.read_text("utf-8") == write_page(), renewed


def test_the_command_that_the_page_names_writes_the_same_in_another_place(tmp_path: Path) -> None:
    environment = {"LATENTLOOP_PRODUCT": "other", "TZ": "JST-9", "PATH": "", "PYTHONPATH": str(PAGE.parents[1])}
    done = subprocess.run(
        [sys.executable, "-m", "latentloop.settings.page"],
        cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=True,
    )  # fmt: skip

    assert done.stdout.decode() == PAGE.read_text("utf-8")


def test_every_table_has_a_section_and_every_setting_of_a_first_one_a_row() -> None:
    page = PAGE.read_text("utf-8")
    sections = re.split(r"^## ", page, flags=re.M)[1:]
    tables = read_tables(Settings)
    assert len(sections) == len(tables)
    for section, table in zip(sections, tables, strict=True):
        if f"`[{table.name}]`" not in section.splitlines()[0] and table.name:
            pytest.fail(f"{table.name} is not where the settings have it")
        if "The words of `[" not in section:
            rows = re.findall(r"^\| `([^`]+)`", section, flags=re.M)
            assert rows == [each.word for each in table.fields]


def test_the_settings_file_of_the_page_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_the_environment(tmp_path, monkeypatch)
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)
    (tmp_path / "latentloop.toml").write_text(example)
    monkeypatch.setenv("LATENTLOOP_TRAINING__MODEL__WIDTHS", "[32, 64]")

    settings = load_settings()

    assert (settings.product, settings.preprocessing.shape) == ("shop", (3, 64, 64))
    assert (settings.training.full.budget.amount, settings.training.full.budget.unit) == (20, "epochs")
