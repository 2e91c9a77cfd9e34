"""The tutorial's commands, given as they stand there, one after the other, in an empty folder."""

from __future__ import annotations

import json
import math
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from deploy.settings import Settings, load_settings
from deploy.wiring import open_catalogue
from tests.deploy.settled import empty_the_environment
from tests.e2e.conftest import processes_of
from tests.latentloop.front_door import bare_environment, run_latentloop
from tests.latentloop.readme import tutorial_commands

DRAWINGS = Path("/usr/share/openclipart/png")
USUAL = "http://127.0.0.1:8900"
"""Where the tutorial asks; another installation of this machine may have the port, and `up` says which one it takes."""

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(6_000),  # a walk of five minutes, which a loaded machine makes sixteen
]


@dataclass(frozen=True)
class Walked:
    """The folder afterwards, and what each block of commands printed."""

    folder: Path
    printed: dict[str, str]

    def of(self, command: str) -> str:
        """What the one block printed that begins so."""
        (found,) = [text for block, text in self.printed.items() if block.startswith(command)]
        return found


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    if not DRAWINGS.is_dir():
        pytest.skip("the tutorial's pictures are not there: apt-get install openclipart-png")
    folder = tmp_path_factory.mktemp("a tutorial") / "my pictures"
    folder.mkdir()
    env, found = bare_environment(), Walked(folder, {})
    try:
        for block in tutorial_commands():
            script = block.replace(USUAL, _service(found.printed))
            done = subprocess.run(
                ["bash", "-euc", script], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=3_000, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{block}ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
            found.printed[block] = done.stdout
        yield found
    finally:
        run_latentloop("down", env=env, folder=folder)


def test_the_commands_of_the_tutorial_do_what_it_says(walked: Walked, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_the_environment(walked.folder, monkeypatch)
    _check_settings_for_colour_drawings_and_a_contact_sheet(walked)
    _check_that_every_picture_is_counted_once(walked, load_settings())
    _check_that_quarantine_says_why_and_shows_pictures(walked)
    _check_that_the_approved_version_answers(walked)
    _check_that_nothing_is_left_running(walked)


def _check_settings_for_colour_drawings_and_a_contact_sheet(walked: Walked) -> None:
    written = tomllib.loads((walked.folder / "latentloop.toml").read_text())

    assert written["preprocessing"] == {**written["preprocessing"], "channels": 3, "height": 64, "fit": "pad"}
    assert written["intake"]["subfolders"] == "kind"
    Image.open(walked.folder / "latentloop-init.png").verify()


def _check_that_every_picture_is_counted_once(walked: Walked, settings: Settings) -> None:
    files = [each for each in (walked.folder / "pictures").rglob("*") if each.is_file() and not each.is_symlink()]
    summed = r"([\d,]+) taken in \(.*\), ([\d,]+) refused, ([\d,]+) ignored.*, of ([\d,]+) received"
    taken_in, refused, ignored, received = _numbers(summed, walked.of("latentloop ingest"))
    released, chosen = _numbers(r"([\d,]+) of ([\d,]+) images are in the", walked.of("latentloop quarantine release"))

    assert received == taken_in + refused + ignored == len(files) >= 1_500
    assert 0 < released == chosen <= refused
    counts = open_catalogue(settings).counts()
    assert counts.accepted == taken_in + released
    assert counts.quarantined == refused - released


def _check_that_quarantine_says_why_and_shows_pictures(walked: Walked) -> None:
    listed = walked.of("latentloop quarantine list")

    assert "too_many_pixels" in listed and "no setting" in listed
    assert "data:image/png" in (walked.folder / "refused.html").read_text()


def _check_that_the_approved_version_answers(walked: Walked) -> None:
    assert "version 1: benchmark passed" in walked.of("latentloop retrain")
    answer = json.loads(walked.of("curl"))

    assert answer["version"] == "1"
    (image,) = answer["images"]
    assert 0 <= image["score"] <= 1 and math.isfinite(image["recon_error"])
    assert re.search(r"version 1\b", walked.of("latentloop status"))


def _check_that_nothing_is_left_running(walked: Walked) -> None:
    assert "is down" in walked.of("latentloop down")
    assert processes_of(walked.folder) == []


def _service(printed: dict[str, str]) -> str:
    told = [re.search(r"service +(http://[\d.:]+)", text) for block, text in printed.items() if " up " in block]
    return str(told[0][1]) if told and told[0] is not None else USUAL


def _numbers(pattern: str, text: str) -> list[int]:
    found = re.search(pattern, text)
    assert found is not None, text
    return [int(each.replace(",", "")) for each in found.groups()]
