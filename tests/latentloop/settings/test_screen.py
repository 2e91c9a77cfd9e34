"""The settings for a person: what is no default stands out, and in a pipe nothing is cut."""

from __future__ import annotations

import json
import re
from pathlib import Path

from latentloop.settings.screen import first_sentence
from tests.latentloop.front_door import run_latentloop
from tests.latentloop.settings.told import bare


def test_the_screen_begins_with_file_digest_and_installation_and_marks_what_is_no_default(
    file: Path, tmp_path: Path
) -> None:
    done = run_latentloop("settings", env=bare(training__threads="2"), folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    first, second, third, *rest = done.stdout.splitlines()
    assert first == str(file)
    assert second.startswith("digest ")
    assert second.endswith(f"no installation runs from {tmp_path / '.latentloop'}")
    assert re.fullmatch(r"5 of \d{3} are not the default, marked with \*", third)
    marked = [line.split() for line in rest if line.startswith("*")]
    assert [line[1] for line in marked] == ["product", "database_url", "secret_key", "threads", "amount"]
    assert marked[0][2:4] == ['"shop"', "latentloop.toml"]
    assert marked[3][2:5] == ["2", "threads", "LATENTLOOP_TRAINING__THREADS"]
    assert marked[4][2:7] == ["3", "of", "its", "unit", "latentloop.toml"]
    assert "[training.model] of a vq_vae" in done.stdout
    assert "[training.model] of a conv_vae" not in done.stdout
    assert "hush" not in done.stdout


def test_in_a_pipe_no_value_and_no_description_is_cut(file: Path, tmp_path: Path) -> None:
    env = bare(service_url=(address := f"https://{'a-long-name.' * 12}example.org"))
    del env["COLUMNS"]

    screen = run_latentloop("settings", env=env, folder=tmp_path).stdout
    settings = json.loads(run_latentloop("settings", "--json", env=env, folder=tmp_path).stdout)["settings"]

    assert f'"{address}"' in screen
    lines = screen.splitlines()
    for each in settings:
        word, told = each["name"].rpartition(".")[2], first_sentence(each["description"])
        assert any(line[2:].startswith(f"{word} ") and line.endswith(told) for line in lines), each["name"]
