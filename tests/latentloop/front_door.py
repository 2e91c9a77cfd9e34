"""The command line as people run it: a process of its own, a home and a settings file of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from deploy.stores.database import migrate, open_engine

LATENTLOOP = Path(sys.executable).with_name("latentloop")


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Keep this process's environment but its Latentloop and vendor settings; `product` sets LATENTLOOP_PRODUCT."""
    foreign = ("LATENTLOOP_", "PREFECT_", "MLFLOW_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    own = {f"LATENTLOOP_{name.upper()}": value for name, value in {"home": str(home), **settings}.items()}
    return {**kept, **own, "COLUMNS": "200", "PYTHONWARNINGS": "default"}


def make_ledger(home: Path) -> None:
    """Make the home's ledger, as `latentloop up` does before any process needs it."""
    engine = open_engine(f"sqlite:///{home}/ledger.db")
    migrate(engine)
    engine.dispose()


def run_latentloop(
    *arguments: str, env: dict[str, str], folder: Path, timeout_s: float = 60
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
