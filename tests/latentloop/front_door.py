"""The command line as people run it: a process of its own, a home and a settings file of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Keep this process's environment but its Latentloop and vendor settings; `product` sets LATENTLOOP_PRODUCT."""
    foreign = ("LATENTLOOP_", "PREFECT_", "MLFLOW_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    own = {f"LATENTLOOP_{name.upper()}": value for name, value in {"home": str(home), **settings}.items()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**kept, **own, "PATH": path, "COLUMNS": "200", "PYTHONWARNINGS": "default"}


def run_latentloop(
    *arguments: str, env: dict[str, str], folder: Path, timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run the first `latentloop` of the path to its end in `folder`, away from the checkout's own settings file."""
    program = shutil.which("latentloop", path=env["PATH"])
    assert program is not None
    return subprocess.run(
        [program, *arguments],
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
