"""Weights that are kept on the way."""

import numpy as np
import pytest

from vae_core.training.checkpoints.snapshots import is_snapshot_due


@pytest.mark.parametrize("wanted", [1, 3, 4, 16])
@pytest.mark.parametrize("steps", [16, 60, 100])
def test_snapshots_are_as_many_as_asked_for_evenly_over_the_budget(wanted, steps):
    due = [step for step in range(1, steps + 1) if is_snapshot_due(wanted, (step - 1) / steps, step / steps)]
    assert len(due) == wanted
    assert np.allclose(due, np.arange(1, wanted + 1) * steps / wanted, atol=1)
