"""What the processes of an installation are told: they run in other folders, and must mean the same places."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.configuration.digest import settings_digest
from deploy.settings import Settings, load_settings
from latentloop.installation.running import child_environment
from tests.deploy.settled import empty_the_environment


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a shop"
    folder.mkdir()
    empty_the_environment(folder, monkeypatch)
    return folder


def up() -> Settings:
    """The settings as `latentloop up` has them once its servers have ports."""
    urls = {"prefect_url": "http://127.0.0.1:1/api", "mlflow_url": "http://127.0.0.1:2"}
    return load_settings().model_copy(update={**urls, "service_url": "http://127.0.0.1:3"})


def as_child(told: dict[str, str], elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that a child reads, which runs in another folder and knows what it was told alone."""
    elsewhere.mkdir(parents=True)
    (elsewhere / "latentloop.toml").write_text('product = "of-somebody-else"\n')
    empty_the_environment(elsewhere, monkeypatch)
    for name, value in told.items():
        if name.startswith("LATENTLOOP_"):
            monkeypatch.setenv(name, value)
    return load_settings()


def test_a_child_reads_the_file_that_up_read_though_another_lies_in_its_own_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "latentloop.toml").write_text('product = "shop"\n[input_policy]\nmin_variance = 0.002\n')
    here = up()

    child = as_child(child_environment(here), folder / ".latentloop" / "prefect", monkeypatch)

    assert (child.product, child.file, child.home) == ("shop", folder / "latentloop.toml", here.home)
    assert settings_digest(child) == settings_digest(here)


def test_a_relative_name_of_the_file_means_the_same_to_a_child(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "of.toml").write_text('product = "shop"\n')
    monkeypatch.setenv("LATENTLOOP_CONFIG", "of.toml")
    here = up()

    child = as_child(child_environment(here), folder / "elsewhere", monkeypatch)

    assert (child.product, child.file) == ("shop", folder / "of.toml")


def test_where_no_file_is_in_force_a_child_reads_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = up()

    child = as_child(child_environment(here), folder / "elsewhere", monkeypatch)

    assert (child.product, child.file, child.home) == ("image-vae", None, folder / ".latentloop")


def test_variables_reach_a_child_and_their_relative_places_stay_where_they_were(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTLOOP_DRIFT__COOLDOWN_S", "60")
    monkeypatch.setenv("latentloop_objects_url", "store")
    monkeypatch.setenv("LATENTLOOP_DATABASE_URL", "sqlite:///ledger.db")
    here = up()

    told = child_environment(here)
    monkeypatch.delenv("latentloop_objects_url")
    child = as_child(told, folder / "elsewhere", monkeypatch)

    assert child.drift.cooldown_s == 60
    assert (told["latentloop_objects_url"], child.ledger_url) == (
        str(folder / "store"),
        f"sqlite:///{folder / 'ledger.db'}",
    )
    assert settings_digest(child) == settings_digest(here)


@pytest.mark.parametrize(("said", "told"), [(None, "240"), ("30", "30")])
def test_a_crowded_prefect_server_is_waited_for_unless_somebody_says_how_long(
    said: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said is not None:
        monkeypatch.setenv("PREFECT_API_REQUEST_TIMEOUT", said)

    assert child_environment(up())["PREFECT_API_REQUEST_TIMEOUT"] == told
