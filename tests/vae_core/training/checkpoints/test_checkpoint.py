"""Checkpoints in a folder: the newest, those of before an onset, and what a damaged one gives way to."""

import shutil

import pytest
import torch

from tests.vae_core.training.checkpoints.kept_checkpoints import IDENTITY, checkpoint
from vae_core.errors import CheckpointError
from vae_core.training.checkpoints.checkpoint import CheckpointFolder, CheckpointHeader
from vae_core.training.health.events import EventKind


def newest_step(folder):
    found, events = CheckpointFolder(folder, IDENTITY, CheckpointHeader).newest()
    return found and found.header.step, [(event.kind, event.step) for event in events]


def test_the_newest_comes_back_as_it_was(filled):
    found, events = CheckpointFolder(filled, IDENTITY, CheckpointHeader).newest()
    assert found.header == checkpoint(15).header and events == []
    assert torch.equal(found.tensors["weights"], torch.full((3,), 15.0))


def test_two_are_kept(filled):
    assert sorted(entry.name for entry in filled.iterdir()) == ["step-000000000010", "step-000000000015"]


def test_the_newest_of_before_each_onset_is_kept_as_well(tmp_path):
    folder = CheckpointFolder(tmp_path, IDENTITY, CheckpointHeader)
    for step in range(5, 45, 5):
        folder.save(checkpoint(step), onsets=(12, 21) if step > 20 else (step + 1, step + 1))
    kept = [int(entry.name.removeprefix("step-")) for entry in sorted(tmp_path.iterdir())]
    # 20 has the weights that showed the sign in step 21; 10 was dropped while no collapse had begun, and is gone
    assert kept == [15, 35, 40]
    assert folder.newest(before=20)[0].header.step == 15 and folder.newest(before=15) == (None, [])
    folder.save(checkpoint(45), onsets=(46, 46))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_one_of_before_the_onset_gives_way_to_its_elder(filled):
    cut(filled / "step-000000000010" / "checkpoint.json")
    found, (event,) = CheckpointFolder(filled, IDENTITY, CheckpointHeader).newest(before=15)
    assert found is None and (event.kind, event.step) == (EventKind.checkpoint_damaged, 10)


def test_without_any_there_is_none(tmp_path):
    assert newest_step(tmp_path / "nothing") == (None, [])


def cut(file):
    file.write_bytes(file.read_bytes()[:-7])


def flip(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["manifest.json", "checkpoint.json", "tensors.safetensors"])
@pytest.mark.parametrize("damage", [cut, flip, lambda file: file.unlink()], ids=["cut", "flip", "unlink"])
def test_a_damaged_newest_one_gives_way_to_the_one_before_it(filled, name, damage):
    damage(filled / "step-000000000015" / name)
    assert newest_step(filled) == (10, [(EventKind.checkpoint_damaged, 15)])


def test_when_all_are_damaged_the_training_begins_anew_and_says_so(filled):
    for folder in filled.iterdir():
        (folder / "checkpoint.json").unlink()
    damaged = EventKind.checkpoint_damaged
    assert newest_step(filled) == (None, [(damaged, 15), (damaged, 10)])


def test_a_damaged_one_is_replaced_by_the_next_save_of_its_step(filled):
    cut(filled / "step-000000000015" / "checkpoint.json")
    folder = CheckpointFolder(filled, IDENTITY, CheckpointHeader)
    folder.newest()
    folder.save(checkpoint(15))
    assert newest_step(filled) == (15, [])


def test_what_a_killed_process_left_is_ignored_and_cleared(filled):
    shutil.copytree(filled / "step-000000000015", filled / ".step-000000000020.00ff.tmp")
    (filled / ".step-000000000020.00ff.tmp" / "manifest.json").unlink()
    assert newest_step(filled) == (15, [])
    assert not list(filled.glob(".*"))


def test_a_disk_that_refuses_is_one_clear_line(tmp_path):
    (tmp_path / "c").write_bytes(b"a file")
    with pytest.raises(CheckpointError, match="cannot be written .*free space") as raised:
        CheckpointFolder(tmp_path / "c", IDENTITY, CheckpointHeader).save(checkpoint(5))
    assert "\n" not in str(raised.value)
