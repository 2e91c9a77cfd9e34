"""A place that is named relatively means the same in every process of an installation, wherever that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import load_settings


@pytest.fixture(autouse=True)
def working_folder(file: Path) -> Path:
    return file.parent


@pytest.fixture
def other(working_folder: Path) -> Path:
    """A folder that is not the working one, with a settings file."""
    folder = working_folder / "else where"
    folder.mkdir()
    return folder


def test_what_the_file_names_relatively_lies_beside_the_file(other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (other / "latentloop.toml").write_text(
        'home = "run"\nobjects_url = "../store"\ndatabase_url = "sqlite:///db/ledger.db"\n'
        'fashion_mnist = "idx"\nassets_folder = "assets"\n'
    )
    monkeypatch.setenv("LATENTLOOP_CONFIG", str(other / "latentloop.toml"))

    settings = load_settings()

    assert (settings.home, settings.fashion_mnist, settings.assets_folder) == tuple(
        other / name for name in ("run", "idx", "assets")
    )
    assert settings.objects_url == str(other.parent / "store")
    assert settings.ledger_url == f"sqlite:///{other}/db/ledger.db"


def test_what_a_variable_names_relatively_counts_from_the_working_folder(
    other: Path, working_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTLOOP_CONFIG", "")
    monkeypatch.setenv("LATENTLOOP_HOME", "run")
    monkeypatch.setenv("LATENTLOOP_OBJECTS_URL", "store")

    settings = load_settings()

    assert (settings.home, settings.objects_url) == (working_folder / "run", str(working_folder / "store"))


@pytest.mark.parametrize(
    "url", ["s3://bucket/prefix", "file:///srv/objects"], ids=["a bucket", "a file URL"]
)  # fmt: skip
def test_an_object_store_that_is_no_relative_folder_stays_as_it_is(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_OBJECTS_URL", url)

    assert load_settings().objects_url == url


def test_a_tilde_is_the_users_home(working_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(working_folder / "me"))
    (working_folder / "latentloop.toml").write_text('home = "~/loop"\n')

    assert load_settings().home == working_folder / "me" / "loop"
