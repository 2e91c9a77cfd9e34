"""The settings: environment before file before default, and nothing that is wrong passes for a default."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.settings import Settings, SettingsError, load_settings
from deploy.wiring import open_orchestrator, open_registry
from tests.deploy.settled import problems

pytestmark = pytest.mark.usefixtures("file")


def test_without_file_and_environment_the_defaults_are_a_laptop_installation(tmp_path: Path) -> None:
    settings = load_settings()

    assert settings.product == "image-vae"
    assert settings.ledger_url == f"sqlite:///{tmp_path / '.latentloop' / 'ledger.db'}"
    assert settings.telemetry_database == f"sqlite:///{tmp_path / '.latentloop' / 'telemetry.db'}"
    assert (settings.mlflow_url, settings.prefect_url, settings.service_url) == (None, None, None)


@pytest.mark.parametrize(
    ("in_file", "in_environment", "expected"),
    [(None, None, 1), (3, None, 3), (None, "5", 5), (3, "5", 5)],
    ids=["default", "file", "environment", "environment before file"],
)
def test_the_environment_comes_before_the_file_and_the_file_before_the_default(
    file: Path, monkeypatch: pytest.MonkeyPatch, in_file: int | None, in_environment: str | None, expected: int
) -> None:
    if in_file is not None:
        file.write_text(f"[training]\nthreads = {in_file}\n")
    if in_environment is not None:
        monkeypatch.setenv("LATENTLOOP_TRAINING__THREADS", in_environment)

    assert load_settings().training.threads == expected


def test_a_variable_replaces_one_value_of_a_table_and_leaves_its_neighbours(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[evaluation]\nn_images = 700\nseed = 4\n")
    monkeypatch.setenv("LATENTLOOP_EVALUATION__SEED", "9")

    evaluation = load_settings().evaluation

    assert (evaluation.n_images, evaluation.seed) == (700, 9)


def test_the_file_that_the_environment_names_comes_instead_of_the_one_at_hand(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('product = "at-hand"\n')
    other = tmp_path / "other.toml"
    other.write_text('product = "named"\n')
    monkeypatch.setenv("LATENTLOOP_CONFIG", str(other))

    assert load_settings().product == "named"


def test_a_named_file_that_is_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_CONFIG", str(tmp_path / "nowhere.toml"))

    assert problems() == [f"{tmp_path / 'nowhere.toml'}: no such settings file; LATENTLOOP_CONFIG names it"]


def test_one_of_a_few_numbers_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING__CHANNELS", "3")
    monkeypatch.setenv("LATENTLOOP_TRAINING__MODEL__VARIANT", "vq_vae")
    monkeypatch.setenv("LATENTLOOP_TRAINING__MODEL__CHANNELS", "3")
    monkeypatch.setenv("LATENTLOOP_GATE", '{"frechet_margin": 0.5}')

    settings = load_settings()

    assert (settings.preprocessing.channels, settings.training.model.channels) == (3, 3)
    assert settings.gate.frechet_margin == 0.5
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING__CHANNELS", "2")
    (problem,) = problems()
    assert problem.startswith("preprocessing.channels: expected 1 or 3; came '2'")


def test_all_problems_of_file_and_environment_are_said_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("clock_factor = 2\n[gate]\nbonus = 1\n[evaluation]\nn_images = 5\n")
    monkeypatch.setenv("LATENTLOOP_TRAINING__THREADS", "0")
    monkeypatch.setenv("LATENTLOOP_PRODCUT", "x")

    places = sorted(each.split(":")[0] for each in problems())

    assert places == ["LATENTLOOP_PRODCUT", "clock_factor", "evaluation.n_images", "gate.bonus", "training.threads"]


def test_a_secret_is_usable_and_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTLOOP_S3__ACCESS_KEY", "key-1234")
    monkeypatch.setenv("LATENTLOOP_S3__SECRET_KEY", "hush-5678")

    settings = load_settings()

    assert settings.s3.secret_key is not None
    assert settings.s3.secret_key.get_secret_value() == "hush-5678"
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert "key-1234" not in shown
        assert "hush-5678" not in shown


def test_settings_cannot_be_changed_once_they_are_built() -> None:
    settings = load_settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.product = "other"  # type: ignore[misc]


def test_no_library_phones_home_unless_it_was_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DO_NOT_TRACK")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")

    load_settings()

    assert os.environ["DO_NOT_TRACK"] == "1"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"


def test_a_neighbour_that_is_not_known_yet_says_how_it_gets_known() -> None:
    settings = Settings()

    with pytest.raises(SettingsError, match="mlflow_url is not set: start `latentloop up`, or set LATENTLOOP_MLFLOW_U"):
        open_registry(settings)
    with pytest.raises(SettingsError, match="prefect_url is not set: start `latentloop up`, or set LATENTLOOP_PREFECT"):
        open_orchestrator(settings)


def test_a_password_in_the_address_of_prefect_is_refused_without_being_shown(file: Path) -> None:
    file.write_text('prefect_url = "https://me:hidden@prefect.example/api"\n')

    (said,) = problems()

    assert "prefect_url: expected no password in the URL; set prefect_auth to `user:password`" in said
    assert "hidden" not in said


def test_the_word_for_prefect_is_not_in_what_is_printed_of_the_settings(file: Path) -> None:
    file.write_text('prefect_url = "https://prefect.example/api"\nprefect_auth = "me:hidden"\n')

    settings = load_settings()

    assert settings.prefect_auth is not None and settings.prefect_auth.get_secret_value() == "me:hidden"
    assert "hidden" not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize(("resize", "fit"), [("antialias", "stretch"), ("refuse", "refuse")])
def test_a_file_of_the_release_before_is_told_in_one_line_what_to_write(file: Path, resize: str, fit: str) -> None:
    file.write_text(f'[preprocessing]\nresize = "{resize}"\n')

    (problem,) = problems()
    assert problem.startswith(f'preprocessing: resize is called fit now: write fit = "{fit}" in its place')
    file.write_text(f'[preprocessing]\nschema_version = 1\nresize = "{resize}"\n')
    assert (load_settings().preprocessing.fit, load_settings().preprocessing.converts) == (fit, False)


def test_the_home_lies_beside_the_settings_file_wherever_the_command_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "else where"
    other.mkdir()
    (other / "latentloop.toml").write_text('product = "shop"\n')
    monkeypatch.setenv("LATENTLOOP_CONFIG", "else where/latentloop.toml")

    settings = load_settings()

    assert (settings.product, settings.file) == ("shop", other / "latentloop.toml")
    assert settings.home == other / ".latentloop"


def test_an_empty_name_of_the_settings_file_means_none_although_one_lies_here(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('product = "shop"\n')
    monkeypatch.setenv("LATENTLOOP_CONFIG", "")

    settings = load_settings()

    assert (settings.product, settings.file, settings.file_name) == ("image-vae", None, "no settings file")
