import multiprocessing
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.vae_core.training.killed_training import CONFIGS, train_and_tell, train_here

# the trainings that are killed fork from a process that has imported everything: imports would be most of their work
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([train_and_tell.__module__])


def kill_after(folder: Path, kind: str, steps: int) -> list[int]:
    """Start the training, SIGKILL it after so many steps; the steps that it told."""
    told, tells = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=train_and_tell, args=(folder, kind, tells))
    process.start()
    tells.close()
    with told:
        found = [told.recv() for _ in range(steps)]
        process.kill()
        process.join()
    assert process.exitcode == -signal.SIGKILL
    return found


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_training_killed_twice_ends_bitwise_equal_to_one_that_was_not(tmp_path, kind):
    assert kill_after(tmp_path, kind, 9) == list(range(1, 10))
    second = kill_after(tmp_path, kind, 23)
    assert second[0] >= 8 and second == list(range(second[0], second[0] + 23))  # 8 is a step that was kept
    resumed, uninterrupted = train_here(tmp_path, kind), train_here(None, kind)

    assert resumed.resumed_from_step >= second[-1] - CONFIGS[kind].checkpoint_every_steps
    theirs = uninterrupted.model.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in resumed.model.state_dict().items())
    curves = [[replace(point, images_per_s=None) for point in run.curve] for run in (resumed, uninterrupted)]
    assert curves[0] == curves[1] and resumed.held_out_curve == uninterrupted.held_out_curve
    assert (resumed.best_step, resumed.stop_reason) == (uninterrupted.best_step, uninterrupted.stop_reason)
    assert len(list(tmp_path.iterdir())) == 2  # the kept ones, and nothing half written
