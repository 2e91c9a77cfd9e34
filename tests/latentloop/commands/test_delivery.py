"""The commands that decide about versions, in real processes: where there is nothing to decide, one line says so."""

from __future__ import annotations

from pathlib import Path

from tests.latentloop.front_door import environment, make_ledger, run_latentloop


def test_a_home_where_nothing_was_released_has_nothing_to_roll_back(home: Path, tmp_path: Path) -> None:
    make_ledger(home)
    done = run_latentloop("rollback", env=environment(home), folder=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "latentloop: nothing to roll back: no version serves\n"
