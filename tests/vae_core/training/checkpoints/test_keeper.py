"""What of a training is taken up again after its process."""

import pytest

from tests.vae_core.synthetic_images import TINY, recipe
from tests.vae_core.training.checkpoints.kept_checkpoints import IDENTITY, checkpoint
from tests.vae_core.training.tiny_training import interrupt, run, same_weights
from vae_core.errors import CheckpointError
from vae_core.training.checkpoints.checkpoint import CheckpointFolder, CheckpointHeader
from vae_core.training.checkpoints.keeper import Keeper
from vae_core.training.checkpoints.state import TrainingState
from vae_core.training.health.events import EventKind


def test_the_seconds_before_an_interruption_are_used_up(tmp_path):
    config = recipe(2.0, "seconds", checkpoint_every_steps=5)
    interrupt(config, tmp_path, step=25, log_every=1)
    resumed = run(config, tmp_path, log_every=1)
    assert 2.0 <= resumed.seconds_used < 2.2
    first = next(point for point in resumed.curve if point.step > resumed.resumed_from_step)
    assert first.share_done > 0.3 and first.beta == 1.0 and first.learning_rate < 0.9e-3


def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before_it(tmp_path):
    config = recipe(40, checkpoint_every_steps=5)
    interrupt(config, tmp_path, step=28, log_every=1)
    (tmp_path / "step-000000000025" / "tensors.safetensors").write_bytes(b"")
    resumed = run(config, tmp_path)
    assert resumed.resumed_from_step == 20
    assert [event.kind for event in resumed.events] == [EventKind.checkpoint_damaged, EventKind.resumed]
    assert same_weights(resumed, run(config))


def test_an_interruption_does_not_hide_a_collapse(tmp_path):
    config = recipe(150, beta=1000, kl_warmup_share=0, learning_rate=1e-2, checkpoint_every_steps=50)
    interrupt(config, tmp_path, step=60)
    expected = run(config).events
    resumed, collapse = run(config, tmp_path).events
    assert resumed.kind == EventKind.resumed and (collapse,) == expected


def test_a_checkpoint_that_lacks_a_tensor_is_another_releases_and_says_what_to_do(tmp_path):
    CheckpointFolder(tmp_path, IDENTITY, CheckpointHeader).save(checkpoint(5))
    state = TrainingState.begin(TINY, recipe(), "cpu")
    with pytest.raises(CheckpointError, match="of step 5: written by another release .*; remove the folder to begin"):
        Keeper(tmp_path, IDENTITY, CheckpointHeader).resume(state)
    assert state.step == 0


def test_without_a_folder_nothing_is_kept_and_nothing_is_taken_up():
    keeper, state = Keeper(None, IDENTITY, CheckpointHeader), TrainingState.begin(TINY, recipe(), "cpu")
    keeper.save(state, 3.0)
    assert keeper.resume(state) == 0.0 and keeper.saved_step is None and state.events == []


def test_a_folder_of_damaged_checkpoints_alone_begins_anew_and_tells_of_each(filled):
    for folder in filled.iterdir():
        (folder / "checkpoint.json").unlink()
    keeper, state = Keeper(filled, IDENTITY, CheckpointHeader), TrainingState.begin(TINY, recipe(), "cpu")
    assert keeper.resume(state) == 0.0 and keeper.saved_step is None
    assert [(event.kind, event.step) for event in state.events] == [
        (EventKind.checkpoint_damaged, 15),
        (EventKind.checkpoint_damaged, 10),
    ]
