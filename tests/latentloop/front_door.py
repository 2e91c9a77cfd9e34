"""The command line as people run it: a process of its own, a home and a settings file of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LATENTLOOP = Path(sys.executable).with_name("latentloop")


def bare_environment() -> dict[str, str]:
    """The environment of the tests without what they set in it: settings of Latentloop and of its vendors."""
    foreign = ("LATENTLOOP_", "PREFECT_", "MLFLOW_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "COLUMNS": "200", "PYTHONWARNINGS": "default"}


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The bare environment and some settings in it; `product` sets LATENTLOOP_PRODUCT."""
    own = {f"LATENTLOOP_{name.upper()}": value for name, value in {"home": str(home), **settings}.items()}
    return {**bare_environment(), **own}


def run_latentloop(
    *arguments: str, env: dict[str, str], folder: Path, timeout_s: float = 240
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end in `folder`, away from the checkout's own settings file."""
    return subprocess.run(
        [str(LATENTLOOP), *arguments],
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
