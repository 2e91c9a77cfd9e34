"""What `latentloop init --json` prints: the report and nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.latentloop.front_door import bare_environment, run_latentloop
from tests.latentloop.init.pictures import grey_textures


def test_a_script_gets_the_report_and_nothing_else(work: Path, tmp_path: Path) -> None:
    pictures = grey_textures(tmp_path / "grey", 30)

    done = run_latentloop("init", str(pictures), "--yes", "--no-measure", "--json", env=bare_environment(), folder=work)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"] == 30
    assert sorted(os.listdir(work)) == ["latentloop-init.png", "latentloop.toml"]
