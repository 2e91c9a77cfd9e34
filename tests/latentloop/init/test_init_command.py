"""`latentloop init` as a person runs it: an empty folder, pictures beside it, and a file that the product takes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.latentloop.front_door import bare_environment, program, run_latentloop
from tests.latentloop.init.pictures import grey_textures, icons, with_clutter

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def init(folder: Path, *arguments: object) -> Done:
    return run_latentloop("init", *map(str, arguments), env=bare_environment(), folder=folder)


def written(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "latentloop.toml").read_text())


def assert_refused(done: Done, folder: Path, *parts: str) -> None:
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert all(part in done.stderr for part in parts), done.stderr
    assert not (folder / "latentloop.toml").exists()
    assert os.listdir(folder) == []


def test_small_grey_pictures_of_one_size_stay_as_they_are(empty: Path, tmp_path: Path) -> None:
    pictures = grey_textures(tmp_path / "grey textures", 300)

    done = init(empty, pictures, "--yes", "--no-measure")

    assert done.returncode == 0, done.stderr
    found = written(empty)
    assert found["product"] == "grey-textures"
    assert found["preprocessing"] == {
        "channels": 1, "height": 28, "width": 28, "fit": "refuse", "padding": found["preprocessing"]["padding"],
        "background": "#ffffff",
    }  # fmt: skip
    assert found["intake"] == {"subfolders": "none"}
    assert done.stdout.splitlines()[-3:] == [
        "next:", "  latentloop up --detach", f"  latentloop ingest '{pictures}'"
    ]  # fmt: skip
    settings = run_latentloop("settings", "training.model", "--json", env=bare_environment(), folder=empty)
    told = {each["name"]: each["value"] for each in json.loads(settings.stdout)["settings"]}
    assert (told["training.model.channels"], told["training.model.height"]) == (1, 28)


def test_icons_with_clutter_between_are_padded_in_colour_and_everything_is_told(empty: Path, tmp_path: Path) -> None:
    pictures = with_clutter(icons(tmp_path / "icons", 80))

    done = init(empty, pictures, "--yes", "--no-measure", "--json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    settings = {each["name"]: each["value"] for each in found["settings"]}
    assert (settings["preprocessing.channels"], settings["preprocessing.fit"]) == (3, "pad")
    assert (settings["preprocessing.padding"], settings["intake.subfolders"]) == ("#ffffff", "kind")
    assert 1e-4 <= settings["input_policy.min_variance"] <= 0.01
    assert found["ignored"] == {".txt": 1, ".csv": 1, ".DS_Store": 1}
    assert found["refused"] == {"truncated": 1, "empty_file": 1}
    assert found["exact_duplicates"] == 2
    assert (found["images"], found["opened"], found["usable"]) == (86, 86, 84)
    assert all(each["why"] for each in found["settings"])
    with Image.open(found["contact_sheet"]) as sheet:
        assert sheet.width > 1000
    assert "flat: 1 show nothing" in done.stderr
    assert "1 are turned by their EXIF orientation" in done.stderr


def test_flags_come_before_what_is_proposed(empty: Path, tmp_path: Path) -> None:
    pictures = grey_textures(tmp_path / "grey", 20)
    flags = ("--size", "32x48", "--channels", 3, "--fit", "stretch", "--subfolders", "date", "--product", "mine")

    assert init(empty, pictures, "--yes", "--no-measure", *flags).returncode == 0

    found = written(empty)
    images = found["preprocessing"]
    assert (images["channels"], images["height"], images["width"], images["fit"]) == (3, 32, 48, "stretch")
    assert (found["intake"]["subfolders"], found["product"]) == ("date", "mine")


def test_a_few_steps_are_trained_to_plan_the_budget(empty: Path, tmp_path: Path) -> None:
    done = init(empty, grey_textures(tmp_path / "grey", 64), "--yes", "--json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    reasons = {each["name"]: each["why"] for each in found["settings"]}
    assert "measured here" in reasons["training.full.budget.amount"]
    assert found["images_per_s"] > 0


def test_without_a_folder_the_defaults_are_written_and_nothing_is_asked(empty: Path) -> None:
    done = init(empty)

    assert done.returncode == 0, done.stderr
    assert written(empty)["preprocessing"]["height"] == 28
    assert run_latentloop("settings", env=bare_environment(), folder=empty).returncode == 0


def test_a_settings_file_that_is_there_stays_and_another_may_be_named(empty: Path, tmp_path: Path) -> None:
    (empty / "latentloop.toml").write_text('product = "mine"\n')

    done = init(empty)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "is never overwritten: move it away, or add --output FILE" in done.stderr
    assert written(empty) == {"product": "mine"}

    assert init(empty, "--output", "other.toml").returncode == 0
    assert (empty / "other.toml").is_file()


def test_without_a_terminal_somebody_must_say_yes(empty: Path, tmp_path: Path) -> None:
    assert_refused(init(empty, grey_textures(tmp_path / "grey", 3)), empty, "no terminal to ask at", "--yes")


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (("--size", "50"), ("size 50x50", "multiples of 4 from 8 to 256")),
        (("--size", "large"), ("size 'large'", "expected pixels such as 64")),
        (("--channels", "4"), ("channels '4'", "1 (grey) or 3 (colour)")),
        (("--fit", "squeeze"), ("fit 'squeeze'", "pad")),
        (("--subfolders", "labels"), ("subfolders 'labels'", "kind")),
        (("--product", "my shop"), ("product 'my shop'", "letters")),
    ],
)
def test_a_flag_that_cannot_be_is_one_line(
    empty: Path, tmp_path: Path, flags: tuple[str, str], parts: tuple[str, ...]
) -> None:
    assert_refused(init(empty, tmp_path, "--yes", *flags), empty, *parts)


def test_a_place_without_usable_images_is_one_line(empty: Path, tmp_path: Path) -> None:
    bare, texts, broken = (tmp_path / name for name in ("bare", "texts", "broken"))
    for each in (bare, texts, broken):
        each.mkdir()
    (texts / "a.txt").write_text("x")
    (broken / "a.png").write_bytes(b"")
    (broken / "b.jpg").write_bytes(b"\xff\xd8\xff not really")

    assert_refused(init(empty, bare, "--yes"), empty, "expected image files in it or below, found nothing")
    assert_refused(init(empty, texts, "--yes"), empty, "found 1 .txt")
    assert_refused(init(empty, broken, "--yes"), empty, "all 2 images that were opened are refused", "empty_file")
    assert_refused(init(empty, tmp_path / "nowhere", "--yes"), empty, "nowhere", "found nothing")


def test_at_a_terminal_every_question_has_the_proposal_as_its_answer(empty: Path, tmp_path: Path) -> None:
    pictures = icons(tmp_path / "icons", 40)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [program(bare_environment()), "init", str(pictures), "--no-measure"],
        env=bare_environment(), cwd=empty, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    # a size that no network takes is asked for again
    os.write(ours, b"\n\n\n50\n48\n\n\n")
    _, told = process.communicate(timeout=240)
    os.close(ours)
    os.close(theirs)

    assert process.returncode == 0, told
    assert "size 50x50: no network takes it" in told
    assert written(empty)["preprocessing"]["height"] == 48
    assert written(empty)["preprocessing"]["channels"] == 3
