"""The commands that come before an installation need none, and make nothing by looking."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.latentloop.front_door import environment, run_latentloop


def test_the_command_says_it_all_and_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "latentloop.toml").write_text("[preprocessing]\nheight = 32\n[training]\ndevice = 'cpu'\n")
    env = environment(tmp_path / "home", assets_folder=str(tmp_path / "assets"))

    done = run_latentloop("doctor", "--json", env=env, folder=tmp_path)

    findings = {each["name"]: each for each in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert findings["feature network"]["health"] == "wrong"
    assert findings["model"]["health"] == "ok", findings["model"]
    assert "vq_vae on 1x32x32" in findings["model"]["line"]
    assert findings["memory"]["health"] in ("ok", "note")
    assert sorted(os.listdir(tmp_path)) == ["latentloop.toml"]
