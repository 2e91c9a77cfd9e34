"""`latentloop doctor` as a person runs it: everything that is wrong in one run, and nothing is made by looking."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.latentloop.front_door import environment, run_latentloop


def test_settings_that_are_wrong_are_a_finding_and_not_the_end_of_it(tmp_path: Path) -> None:
    (tmp_path / "latentloop.toml").write_text("[preprocessing]\nheight = 50\n")

    done: subprocess.CompletedProcess[str] = run_latentloop(
        "doctor", env=environment(tmp_path / "home"), folder=tmp_path
    )

    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok    python")
    assert lines[3].startswith("wrong settings        training.model: height 50 is not a multiple of 4")
    assert lines[-1] == "1 to mend before `latentloop up`"


def test_a_home_that_is_a_file_breaks_no_other_check_off(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")

    done = run_latentloop("doctor", env=environment(tmp_path / "home"), folder=tmp_path)

    lines = done.stdout.splitlines()
    names = [line[6:22].strip() for line in lines]
    assert (done.returncode, done.stderr) == (1, "")
    assert f"wrong home            {tmp_path / 'home'} is a file" in done.stdout
    for name in ("installation", "database", "telemetry", "object store", "mlflow", "prefect", "service", "model"):
        assert name in names, done.stdout
    assert lines[-1].endswith(" to mend before `latentloop up`")
