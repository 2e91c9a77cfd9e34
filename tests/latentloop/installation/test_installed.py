"""In a folder where nothing is installed, no command makes anything: one line says how to start."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.main import get_command

from latentloop.cli import app
from tests.latentloop.front_door import environment, run_latentloop

COMMANDS: dict[str, tuple[str, ...]] = {
    "status": (),
    "down": (),
    "ingest": (".",),
    "retrain": ("--tier", "full"),
    "monitor": (),
    "cancel": ("a-run",),
    "register": (".",),
    "override": ("1", "--reason", "why"),
    "deliver": (),
    "rollback": (),
    "deploy": (),
    "open": ("runs",),
    "approve": ("1",),
    "reject": ("1",),
    "quarantine": ("list",),
}
MAKING = {"up", "demo"}  # these are there to make an installation
ELSEWHERE = {"settings", "setup", "init", "doctor"}  # these come before an installation, and need none


def test_every_command_is_looked_at() -> None:
    known = set(get_command(app).commands)
    assert known - MAKING - ELSEWHERE == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("home", [None, "elsewhere"])
def test_a_command_leaves_an_empty_folder_empty_and_says_what_to_do(
    command: str, home: str | None, tmp_path: Path
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    env = environment(tmp_path / (home or ""))
    if home is None:
        del env["LATENTLOOP_HOME"]

    done = run_latentloop(command, *COMMANDS[command], env=env, folder=folder)

    assert sorted(tmp_path.rglob("*")) == [folder], "nothing was made"
    said = (done.stdout + done.stderr).splitlines()
    assert len(said) == 1, said
    if command == "down":  # nothing to end is what was asked for
        assert (done.returncode, done.stderr) == (0, "")
        assert "nothing runs from " in said[0]
    else:
        expected = tmp_path / home if home is not None else folder / ".latentloop"
        assert (done.returncode, done.stdout) == (1, "")
        assert said[0] == (
            f"latentloop: nothing is installed in {expected}: begin with `latentloop init FOLDER` and "
            "`latentloop up`, or set LATENTLOOP_HOME to the home of an installation"
        )


@pytest.mark.parametrize("command", ["status", "rollback", "down"])
def test_json_for_scripts_makes_nothing_either(command: str, tmp_path: Path) -> None:
    arguments = () if command == "down" else ("--json",)
    run_latentloop(command, *arguments, env=environment(tmp_path / "home"), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
