"""Sealed folders of a sequence of steps: the newest whole one counts, and damage is passed over and cleared away."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from vae_core.errors import CheckpointError, SealError
from vae_core.training.checkpoints.sealed_steps import SealedSteps


def text_of(_: Path, files: Mapping[str, bytes]) -> str:
    return files["state"].decode()


def kept(folder: Path, *steps: int) -> SealedSteps:
    found = SealedSteps(folder)
    for step in steps:
        found.save(step, {"state": f"after {step}".encode()}, "the work")
    return found


def test_the_newest_is_read_or_the_newest_of_before_a_step(tmp_path: Path) -> None:
    steps = kept(tmp_path, 3, 7, 12)
    assert steps.newest(text_of) == ("after 12", []) and steps.newest(text_of, before=12) == ("after 7", [])
    assert steps.newest(text_of, before=3) == (None, []) and steps.steps == [3, 7, 12]


@pytest.mark.parametrize("refuses", [False, True])
def test_a_damaged_one_gives_way_to_its_elder_is_named_and_goes_with_the_next(tmp_path: Path, refuses: bool) -> None:
    kept(tmp_path, 3, 7)
    newest = tmp_path / "step-000000000007" / "state"
    if not refuses:
        newest.write_bytes(b"torn")

    def read(folder: Path, files: Mapping[str, bytes]) -> str:
        if refuses and folder.name.endswith("7"):
            raise SealError("of another release")
        return text_of(folder, files)

    steps = SealedSteps(tmp_path)
    found, (damaged,) = steps.newest(read)
    assert found == "after 3" and damaged.step == 7 and damaged.reason
    steps.save(9, {"state": b"after 9"}, "the work")
    assert steps.steps == [3, 9]


def test_all_but_the_two_newest_and_those_asked_for_are_dropped(tmp_path: Path) -> None:
    steps = kept(tmp_path, 1, 2, 3, 4, 5)
    steps.drop_old(but={2})
    assert steps.steps == [2, 4, 5]
    steps.drop_old()
    assert steps.steps == [4, 5]


def test_what_a_killed_process_left_half_written_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".step-000000000007.tmp").mkdir()
    assert SealedSteps(tmp_path).steps == [] and list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_says_what_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="the work goes on from the last one when started again"):
        kept(tmp_path / "file", 1)
