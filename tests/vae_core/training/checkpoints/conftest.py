"""A folder of checkpoints."""

from pathlib import Path

import pytest

from tests.vae_core.training.checkpoints.kept_checkpoints import IDENTITY, checkpoint
from vae_core.training.checkpoints.checkpoint import CheckpointFolder, CheckpointHeader


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Of steps 5, 10 and 15, of which the last two are left."""
    folder = CheckpointFolder(tmp_path / "c", IDENTITY, CheckpointHeader)
    for step in (5, 10, 15):
        folder.save(checkpoint(step))
    return tmp_path / "c"
