"""`latentloop up` asks its stores before it starts anything: what they cannot do is one line, and nothing runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.deploy.stores.look_alikes import look_alike
from tests.latentloop.front_door import environment, run_latentloop


def up_with(folder: Path, endpoint_url: str) -> subprocess.CompletedProcess[str]:
    """Run it as an owner of a bucket would have written it down."""
    s3 = f'[s3]\nendpoint_url = "{endpoint_url}"\naccess_key = "k"\nsecret_key = "s"\n'
    (folder / "latentloop.toml").write_text(f'objects_url = "s3://bucket/prefix"\n{s3}')
    return run_latentloop("up", env=environment(folder / "home"), folder=folder, timeout_s=300)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    (said,) = done.stderr.splitlines()
    assert done.returncode == 1
    return said


@pytest.mark.parametrize("manner", ["ignores", "answers 501"])
def test_up_refuses_an_s3_look_alike_without_conditional_writes(tmp_path: Path, manner: str) -> None:
    with look_alike(manner) as server:  # type: ignore[arg-type]
        said = refused(up_with(tmp_path, server.endpoint_url))
    assert said.startswith("latentloop: object store: a put with If-None-Match was expected to be")
    assert "use a store with conditional writes" in said and "try again later" not in said
    assert list((tmp_path / "home" / "logs").iterdir()) == []
