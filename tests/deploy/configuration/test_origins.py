"""Who said a setting: a variable, the file, the program, or nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.configuration.origins import DEFAULT, PROGRAM
from tests.deploy.configuration.by_name import in_force

pytestmark = pytest.mark.usefixtures("file")


def test_a_setting_is_of_the_variable_then_of_the_file_then_a_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('product = "shop"\n[training]\nthreads = 3\nclock = "cpu"\n')
    monkeypatch.setenv("latentloop_Training__threads", "5")

    found = in_force()

    assert (found["product"].value, found["product"].origin) == ("shop", str(file))
    assert (found["training.threads"].value, found["training.threads"].origin) == (5, "latentloop_Training__threads")
    assert (found["training.clock"].value, found["training.clock"].origin) == ("cpu", str(file))
    assert found["training.window_images"].origin == DEFAULT


def test_of_a_table_of_a_tier_the_words_that_it_does_not_name_are_defaults(file: Path) -> None:
    file.write_text("[training.incremental]\nsnapshots = 0\nbudget = {amount = 3}\n")

    found = in_force()

    assert (found["training.incremental.budget.amount"].value, found["training.incremental.budget.amount"].origin) == (
        3,
        str(file),
    )
    assert found["training.incremental.budget.unit"].origin == DEFAULT
    assert (found["training.incremental.trains"].value, found["training.incremental.trains"].origin) == (
        "decoder",
        DEFAULT,
    )
    # said, and the same as the default
    assert found["training.incremental.snapshots"].origin == str(file)
    assert not found["training.incremental.snapshots"].differs


def test_a_variable_may_hold_a_whole_table_and_a_word_of_another_comes_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LATENTLOOP_GATE", '{"frechet_margin": 0.5, "recon_error_margin": 0.5}')
    monkeypatch.setenv("LATENTLOOP_GATE__FRECHET_MARGIN", "0.25")

    found = in_force()

    assert (found["gate.frechet_margin"].value, found["gate.frechet_margin"].origin) == (
        0.25,
        "LATENTLOOP_GATE__FRECHET_MARGIN",
    )
    assert (found["gate.recon_error_margin"].value, found["gate.recon_error_margin"].origin) == (0.5, "LATENTLOOP_GATE")
    assert found["gate.min_active_share"].origin == DEFAULT


def test_what_the_program_says_is_its_own(tmp_path: Path) -> None:
    assert in_force(home=tmp_path / "demo")["home"].origin == PROGRAM
