"""The settings in force: who said each of them, and no secret among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.configuration.origins import DEFAULT, PROGRAM
from deploy.configuration.reference import SettingInForce, read_defaults, read_in_force
from deploy.settings import load_settings
from tests.deploy.settled import empty_the_environment


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    empty_the_environment(tmp_path, monkeypatch)
    return tmp_path / "latentloop.toml"


def in_force(**overrides: object) -> dict[str, SettingInForce]:
    return {
        each.field.name: each for table in read_in_force(load_settings(**overrides)) for each in table.settings
    }  # fmt: skip


def test_nothing_is_said_where_nobody_says_anything() -> None:
    found = in_force()
    assert {each.origin for each in found.values()} == {DEFAULT}
    assert not any(each.differs for each in found.values())


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


def test_of_a_model_the_words_of_its_variant_are_in_force(file: Path) -> None:
    file.write_text('[training.model]\nvariant = "conv_vae"\nlatent_dim = 16\n')

    found = in_force()

    assert (found["training.model.latent_dim"].value, found["training.model.latent_dim"].differs) == (16, True)
    assert "training.model.codebook_size" not in found
    assert "training.model.codebook_size" in {
        each.field.name for table in read_defaults() for each in table.settings
    }  # fmt: skip


def test_what_the_program_says_is_its_own(tmp_path: Path) -> None:
    assert in_force(home=tmp_path / "demo")["home"].origin == PROGRAM


def test_a_secret_is_stars_and_its_origin_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(
        'database_url = "postgresql://us:hush-1@host/db"\nmlflow_url = "https://hush-2@host/?api_token=hush-3&x=1"\n'
        '[s3]\nsecret_key = "hush-4"\n'
    )
    monkeypatch.setenv("LATENTLOOP_S3__ACCESS_KEY", "hush-5")

    found = in_force()

    assert found["database_url"].value == "postgresql://********@host/db"
    assert found["mlflow_url"].value == "https://********@host/?api_token=********&x=1"
    assert (found["s3.secret_key"].value, found["s3.secret_key"].origin) == ("********", str(file))
    assert (found["s3.access_key"].value, found["s3.access_key"].origin) == ("********", "LATENTLOOP_S3__ACCESS_KEY")
    assert "hush" not in repr(found)


def test_a_secret_that_nobody_gave_is_not_set() -> None:
    assert in_force()["s3.secret_key"].value is None
