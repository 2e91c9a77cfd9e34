"""What is said once: the network follows preprocessing, the monitor the gate, and `settings` says what follows what."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.configuration.digest import settings_digest
from deploy.configuration.reference import read_in_force
from deploy.settings import SettingsError, load_settings

MODEL = "[training.model]\nvariant = 'vq_vae'\n"


pytestmark = pytest.mark.usefixtures("file")


def origins() -> dict[str, str]:
    return {each.field.name: each.origin for table in read_in_force(load_settings()) for each in table.settings}


def problem() -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return str(refused.value)


@pytest.mark.parametrize(
    ("said", "shape"),
    [
        ("channels = 3\nheight = 64\nwidth = 32", (3, 64, 32)),
        ("height = 64", (1, 64, 64)),
        ("width = 64", (1, 64, 64)),
        ("channels = 3", (3, 28, 28)),
    ],
)
@pytest.mark.parametrize("model", ["", MODEL, "[training.model]\nvariant = 'conv_vae'\n", "[training]\nthreads = 2\n"])
def test_the_network_takes_what_preprocessing_makes_and_one_side_means_square(
    file: Path, said: str, shape: tuple[int, int, int], model: str
) -> None:
    file.write_text(f"[preprocessing]\n{said}\n{model}")

    settings = load_settings()

    assert settings.preprocessing.shape == settings.training.model.shape == shape


def test_a_variable_is_followed_as_a_line_of_the_file_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("[preprocessing]\nheight = 28\nwidth = 28\n")
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING__CHANNELS", "3")
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING__HEIGHT", "64")

    assert load_settings().training.model.shape == (3, 64, 28)


def test_a_network_that_says_other_sizes_is_one_line_that_names_the_words(file: Path) -> None:
    file.write_text(f"[preprocessing]\nheight = 64\n{MODEL}height = 32\n")

    assert problem() == (
        "settings: training.model.height is 32, preprocessing.height is 64: leave it out of [training.model], which "
        "follows [preprocessing]"
    )


def test_a_size_that_the_network_cannot_halve_names_who_said_the_size(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[preprocessing]\nheight = 50\n")
    assert problem().endswith(f"(set by preprocessing.height of {file})")

    file.write_text("")
    monkeypatch.setenv("LATENTLOOP_PREPROCESSING__WIDTH", "50")
    assert problem().endswith("(set by preprocessing.width of LATENTLOOP_PREPROCESSING__WIDTH)")


def test_a_size_that_is_wrong_is_said_once_and_of_preprocessing(file: Path) -> None:
    file.write_text(f"[preprocessing]\nheight = 'tall'\n{MODEL}widths = [8, 16]\n")

    assert problem() == f"preprocessing.height: expected a whole number; came 'tall' (set by {file})"


def test_what_follows_says_what_it_follows_and_what_nobody_said_is_a_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[preprocessing]\nheight = 64\n")
    monkeypatch.setenv("LATENTLOOP_TRAINING__MODEL", '{"variant": "vq_vae", "width": 64}')

    found = origins()

    assert found["preprocessing.height"] == str(file)
    assert found["preprocessing.width"] == "follows preprocessing.height"
    assert found["training.model.height"] == "follows preprocessing.height"
    assert found["training.model.width"] == "LATENTLOOP_TRAINING__MODEL"
    assert (found["preprocessing.channels"], found["training.model.channels"]) == ("default", "default")


def test_the_digest_is_of_the_values_whoever_said_them(file: Path) -> None:
    file.write_text("[preprocessing]\nheight = 64\n")
    once = settings_digest(load_settings())
    file.write_text(f"[preprocessing]\nheight = 64\nwidth = 64\n{MODEL}channels = 1\nheight = 64\nwidth = 64\n")

    assert settings_digest(load_settings()) == once


def test_how_many_may_be_refused_is_said_once_for_ingest_and_traffic(file: Path) -> None:
    assert load_settings().drift.max_refused_share == 0.01
    file.write_text("[input_policy]\nmax_refused_share = 0.06\n[drift]\nmin_images = 600\n")
    settings = load_settings()
    assert (settings.drift.max_refused_share, settings.drift.min_images) == (0.06, 600)
    assert "input_policy.max_refused_share" in origins()["drift.max_refused_share"]
    file.write_text("[input_policy]\nmax_refused_share = 0.06\n[drift]\nmax_refused_share = 0.02\n")
    assert load_settings().drift.max_refused_share == 0.02
