"""Trainings that collapse and begin again, whenever they are killed."""

import json
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from tests.vae_core.training import killed_recovery
from tests.vae_core.training.options import train_by
from vae_core.errors import CheckpointError
from vae_core.families.build import build_model
from vae_core.families.vq_vae.config import VqVaeConfig
from vae_core.families.vq_vae.model import VqVae
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.health.events import EventKind, RecoveryAction, StopReason
from vae_core.training.loop import train
from vae_core.training.recovery.attempts import AttemptRecord
from vae_core.training.recovery.recovery import MAX_RECOVERIES, train_with_recovery
from vae_core.training.warm_start import take_encoder
from vae_core.weights import copy_weights, encoder_digest, load_weights

ROOT = Path(__file__).parents[4]
SAME = np.full((64, 1, 8, 8), 77, np.uint8)
"""One image again and again: there is nothing to be encoded, and every attempt must collapse."""

HOPELESS = recipe(280, beta=4, learning_rate=1e-2, kl_warmup_share=0.1, free_bits_nats=0.0, checkpoint_every_steps=20)


def clock() -> float:
    return 0.0


def recover(images, config, folder=None, model=TINY, **options):
    return train_by(train_with_recovery, images, model, config, clock=clock, folder=folder, **options)


def assert_equal(one, other) -> None:
    """Bit for bit, but for what says how it came about."""
    theirs = other.model.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in one.model.state_dict().items())
    curves = [[replace(point, images_per_s=None) for point in run.curve] for run in (one, other)]
    assert curves[0] == curves[1] and one.held_out_curve == other.held_out_curve
    events = [[event for event in run.events if event.kind != EventKind.resumed] for run in (one, other)]
    assert events[0] == events[1] and one.information == other.information
    assert [(each.step, each.kl) for each in one.snapshots] == [(each.step, each.kl) for each in other.snapshots]
    assert (one.steps, one.best_step, one.stop_reason) == (other.steps, other.best_step, other.stop_reason)
    assert one.train_config == other.train_config


@contextmanager
def on_one_thread():
    """What is made once for all tests of the file, before the fixture that sets the threads of each."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def recovered(tmp_path_factory):
    """An uninterrupted training with one recovery, and its folder."""
    folder = tmp_path_factory.mktemp("recovered")
    with on_one_thread():
        return killed_recovery.train_here(folder), folder


@pytest.fixture(scope="module")
def hopeless(tmp_path_factory):
    """An uninterrupted training that nothing helps, and its folder."""
    folder = tmp_path_factory.mktemp("hopeless")
    with on_one_thread():
        return recover(SAME, HOPELESS, folder), folder


def test_a_healthy_training_is_that_of_the_plain_loop(tmp_path):
    config = recipe(40, checkpoint_every_steps=8)
    one = recover(boxes(100), config, tmp_path / "a", held_out=boxes(20, seed=9))
    other = train(TrainingData(boxes(100), held_out=boxes(20, seed=9)), TINY, config, Execution(clock, tmp_path / "b"))
    assert_equal(one, other)
    assert (one.attempts, one.is_suspect, one.events, one.resumed_from_step) == (1, False, (), None)
    assert one.train_config == other.train_config == config
    files = [sorted(path.relative_to(folder) for path in folder.rglob("*")) for folder in tmp_path.iterdir()]
    assert files[0] == files[1]
    for path in (tmp_path / "a").rglob("*.safetensors"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_a_recovery_goes_on_from_the_checkpoint_before_the_onset_and_is_one_result(recovered):
    result, _ = recovered
    seen, restarted = result.events
    done = restarted.recovery
    assert (done.attempt, done.action, done.cause) == (2, "lower_beta", "collapse_suspected")
    assert (done.from_step, done.warm_encoder) == ((seen.collapse.onset_step - 2) // 4 * 4, False)
    assert [(each.field, each.before, each.after) for each in done.changes] == [("beta", "12", "1")]
    assert seen.step == restarted.step > done.from_step > 0
    # the budget is that of the path: what was given up is not in it
    assert result.steps == 140 and result.attempts == 2 and not result.is_suspect
    assert [point.step for point in result.curve] == list(range(1, 141))
    shares = [point.share_done for point in result.curve]
    assert all(before < after for before, after in pairwise(shares)) and shares[-1] == 1.0
    looks = [look.step for look in result.held_out_curve]
    assert looks[0] == 0 and looks == sorted(set(looks)) and result.best_step in looks
    bounds = [each.step for each in result.information]
    assert bounds[0] == 15 and bounds[1] == done.from_step + 15 and bounds == sorted(set(bounds))
    assert 0.9 < result.curve[-1].beta <= 1.0 and result.curve[-1].active_dims > 0


def test_what_an_attempt_does_is_written_beside_its_checkpoints(recovered):
    result, folder = recovered
    written = (folder / "attempt-2" / "recovery" / "recovery.json").read_bytes()
    record = AttemptRecord.model_validate_json(written)
    assert record.recovery == result.events[-1].recovery and record.number == 2
    assert record.training.beta == 1.0 and record.model == TINY
    assert record.training.budget.amount == 140 - record.recovery.from_step
    # of the whole path, as its steps are
    assert result.train_config == record.training.model_copy(update={"budget": killed_recovery.CONFIG.budget})
    assert json.loads(written)["recovery"]["action"] == "lower_beta"


def test_the_result_carries_the_recipe_that_was_trained_and_not_the_one_that_was_asked_for(recovered, hopeless):
    assert recovered[0].train_config == killed_recovery.CONFIG.model_copy(update={"beta": 1.0})
    # its KL warms up over all 124 steps: the last one is taken one short of the whole weight
    assert recovered[0].final_beta == pytest.approx(1 - 1 / 124)
    cycles = {"kl_schedule": "cyclical", "free_bits_nats": 0.5, "kl_warmup_unit": "share", "kl_warmup_share": 0.5}
    assert hopeless[0].train_config == HOPELESS.model_copy(update={"beta": 1.0, **cycles})


def test_progress_is_told_along_the_path_and_steps_back_where_an_attempt_begins(tmp_path):
    told = []
    result = killed_recovery.train_here(tmp_path, told.append)
    (seen, restarted), steps = result.events, [point.step for point in told]
    back = [(before, after) for before, after in pairwise(steps) if after != before + 1]
    assert back == [(seen.step, restarted.recovery.from_step + 1)] and steps[-1] == 140


def test_three_recoveries_at_most_and_the_last_attempt_runs_to_its_end(hopeless):
    result, folder = hopeless
    restarts = [event.recovery for event in result.events if event.kind == EventKind.restarted]
    assert [each.attempt for each in restarts] == [2, 3, 4] and MAX_RECOVERIES == 3
    assert [str(each.action) for each in restarts] == ["lower_beta", "cyclical_restart", "smaller_decoder"]
    assert result.attempts == 4 and result.is_suspect
    assert result.events[-1].kind == EventKind.collapse_suspected
    assert result.stop_reason == StopReason.budget_used and result.steps == 280
    assert result.model.config == TINY.smaller_decoder() and result.model.config.decoder_widths == (4, 4)
    assert all(event.recovery is None for event in result.events if event.kind != EventKind.restarted)
    kept = sorted(path.name for path in folder.iterdir() if path.name.startswith("attempt"))
    assert kept == ["attempt-2", "attempt-3", "attempt-4"]


def test_a_smaller_decoder_may_keep_the_encoder_of_before_the_onset(hopeless):
    restart = hopeless[0].events[-2].recovery
    assert restart.action == RecoveryAction.smaller_decoder and restart.from_step == 0
    assert restart.warm_encoder and "with the encoder of a checkpoint" in hopeless[0].events[-2].detail
    parent, child = build_model(TINY, seed=1), build_model(TINY.smaller_decoder(), seed=2)
    take_encoder(child, parent)
    assert encoder_digest(child) == encoder_digest(parent)


@pytest.mark.parametrize("stops", [(15,), (110, 100), (130, 60), (30, 140)], ids=str)
def test_interrupted_in_any_attempt_all_ends_bitwise_equal(tmp_path, recovered, stops):
    for most in stops:
        heard = []

        def stop(progress, heard=heard, most=most):
            heard.append(progress.step)
            if len(heard) == most:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            killed_recovery.train_here(tmp_path, stop)
    resumed = killed_recovery.train_here(tmp_path)
    assert_equal(resumed, recovered[0])
    assert resumed.resumed_from_step is not None
    ours, theirs = (sorted(each.relative_to(top) for each in top.rglob("*")) for top in (tmp_path, recovered[1]))
    assert ours == theirs


@pytest.mark.parametrize("after", [130, 190, 300])
def test_interrupted_among_several_attempts_it_goes_on_with_the_one_that_it_was_in(tmp_path, hopeless, after):
    heard = []

    def stop(progress):
        heard.append(progress.step)
        if len(heard) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recover(SAME, HOPELESS, tmp_path, on_progress=stop, log_every=1)
    resumed = recover(SAME, HOPELESS, tmp_path)
    assert_equal(replace(resumed, curve=[]), replace(hopeless[0], curve=[]))


def test_interrupted_between_two_attempts_it_goes_on_with_the_next(tmp_path, recovered):
    built = []

    def stop(config, seed):
        built.append(config)
        if len(built) == 2:  # the model of before the onset, with which the second attempt would begin
            raise KeyboardInterrupt
        return build_model(config, seed)

    with pytest.raises(KeyboardInterrupt):
        killed_recovery.train_here(tmp_path, build=stop)
    assert not (tmp_path / "attempt-2").exists()
    resumed = killed_recovery.train_here(tmp_path)
    assert_equal(resumed, recovered[0])
    assert resumed.resumed_from_step == recovered[0].events[0].step  # where the first attempt was given up


def test_killed_in_its_second_attempt_it_ends_bitwise_equal(tmp_path, recovered):
    command = [sys.executable, "-m", "tests.vae_core.training.killed_recovery", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        told = [int(process.stdout.readline()) for _ in range(recovered[0].events[0].step + 21)]
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert told[-1] == recovered[0].events[1].recovery.from_step + 21
    resumed = killed_recovery.train_here(tmp_path)
    assert_equal(resumed, recovered[0])
    assert [event.kind for event in resumed.events if event.kind == EventKind.resumed] == [EventKind.resumed]


def test_a_finished_training_is_not_repeated(recovered, tmp_path):
    shutil.copytree(recovered[1], tmp_path / "c")
    again = killed_recovery.train_here(tmp_path / "c", pytest.fail)
    assert_equal(again, recovered[0])
    assert again.resumed_from_step == 140


def test_a_damaged_checkpoint_before_the_onset_begins_the_attempt_otherwise_and_says_so(recovered, tmp_path):
    shutil.copytree(recovered[1], tmp_path / "c")
    from_step = recovered[0].events[1].recovery.from_step
    (tmp_path / "c" / f"step-{from_step:012d}" / "tensors.safetensors").write_bytes(b"")
    again = killed_recovery.train_here(tmp_path / "c")
    assert EventKind.checkpoint_damaged in [event.kind for event in again.events]
    assert again.events[-1].recovery.from_step < from_step and again.steps == 140


def test_a_folder_that_refuses_the_record_is_one_clear_line(recovered, tmp_path):
    for path in recovered[1].glob("step-*"):
        shutil.copytree(path, tmp_path / path.name)
    (tmp_path / "attempt-2").write_bytes(b"a file")
    with pytest.raises(CheckpointError, match="cannot be written .*goes on when started again") as raised:
        killed_recovery.train_here(tmp_path)
    assert "\n" not in str(raised.value)


def test_without_a_folder_every_attempt_begins_anew():
    result = recover(boxes(100), killed_recovery.CONFIG, held_out=boxes(20, seed=9))
    assert [event.recovery.from_step for event in result.events if event.recovery] == [0] and result.steps == 140


def test_a_warm_start_begins_anew_at_the_same_model_and_keeps_its_architecture():
    parent = build_model(TINY, seed=7)
    config = HOPELESS.model_copy(update={"kl_schedule": "cyclical"})
    result = recover(SAME, config, initial=parent)
    actions = [str(event.recovery.action) for event in result.events if event.recovery]
    assert actions == ["lower_beta"] * 3 and result.model.config == TINY
    betas = [event.recovery.changes[0].after for event in result.events if event.recovery]
    assert betas == ["1", "0.5", "0.25"]


def test_no_line_advises_a_higher_beta_or_a_larger_latent_space(hopeless, recovered):
    lines = " ".join(event.detail for event in (*hopeless[0].events, *recovered[0].events))
    assert "lower beta" in lines and "latent" not in lines
    for event in (*hopeless[0].events, *recovered[0].events):
        for change in event.recovery.changes if event.recovery else ():
            assert change.field != "beta" or float(change.after) < float(change.before)


def test_a_codebook_that_stays_unused_is_shrunk_and_the_training_begins_anew(tmp_path):
    model = VqVaeConfig(height=8, width=8, widths=(4, 8), codebook_size=256, code_dim=8, quantizer="gradient")
    config = recipe(12, "epochs", batch_size=64, checkpoint_every_steps=3)
    # 16 images, 4 times each: 256 tokens, of which at most 64 differ
    result = recover(np.tile(boxes(16), (4, 1, 1, 1)), config, tmp_path, model=model)
    first = [event for event in result.events if event.kind == EventKind.codes_unused][:3]
    restart = next(event for event in result.events if event.kind == EventKind.restarted)
    assert (restart.recovery.action, restart.recovery.cause) == ("smaller_codebook", "codes_unused")
    used = max(event.codes.used for event in first)
    (change,) = restart.recovery.changes
    assert change.field == "codebook_size" and change.before == "256"
    assert used <= int(change.after) < 256 and restart.recovery.from_step == 0
    assert result.model.config.codes < 256 and result.epochs == 12 and result.train_config == config
    assert len(result.model.quantiser.book.codebook) == result.model.config.codes


def test_codes_that_are_used_after_they_began_anew_shrink_nothing():
    # two epochs of 3 codes of 64, a healthy one, and again two
    idle = iter([3, 3, 64, 3, 3, 64])

    class RestlessVqVae(VqVae):
        """Whatever its tokens say, an epoch of four batches of 64 tokens uses so many codes."""

        passes = 0

        def forward(self, x, generator, dropout=0.0):
            output = super().forward(x, generator, dropout)
            if self.passes % 4 == 0:
                self.used = next(idle)
            self.passes += 1
            indices = torch.arange(64).view_as(output.quantised.indices) % self.used
            return output._replace(quantised=output.quantised._replace(indices=indices))

    def build(config, seed):
        model = RestlessVqVae(config)
        load_weights(model, copy_weights(build_model(config, seed)))
        return model

    config = VqVaeConfig(height=8, width=8, widths=(4, 8), codebook_size=64, code_dim=8)
    result = recover(boxes(64), recipe(6, "epochs", kl_warmup_share=0.0), model=config, build=build)
    assert [(event.kind, event.step, event.codes.used) for event in result.events] == [
        (EventKind.codes_unused, step, 3) for step in (4, 8, 16, 20)
    ]
    assert result.attempts == 1 and result.model.config == config


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_every_attempt_is_made_on_a_gpu(tmp_path):
    result = recover(SAME, HOPELESS, tmp_path, device="cuda")
    assert result.attempts > 1 and result.train_config.beta == 1.0
    assert {tensor.device.type for tensor in result.model.state_dict().values()} == {"cuda"}
