"""`latentloop demo` is told with the models that there are, and no other."""

from __future__ import annotations

from pathlib import Path

from tests.latentloop.front_door import environment, run_latentloop


def test_another_model_is_refused_with_the_two_that_there_are(tmp_path: Path) -> None:
    done = run_latentloop("demo", "--model", "gan", env=environment(tmp_path / "home"), folder=tmp_path)
    assert done.returncode == 2
    assert "'gan' is not one of 'vae', 'vqvae'" in " ".join(done.stderr.replace("│", " ").split())
