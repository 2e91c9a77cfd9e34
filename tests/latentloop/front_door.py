"""The command line as people run it: a process of its own, a home and a settings file of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.deploy.stores.migrated import open_migrated
from tests.forking import Forking

ENTRY = "from latentloop.__main__ import main\nmain()\n"
# the last two are what every command imports first
LIBRARIES = (
    "alembic.command", "boto3", "deltalake", "httpx", "matplotlib.figure", "mlflow", "numpy", "pandas", "PIL.Image",
    "pyarrow.parquet", "pydantic_settings", "rich.table", "scipy.stats", "sklearn.ensemble", "sqlalchemy", "torch",
    "typer", "latentloop.cli", "deploy.settings",
)  # fmt: skip
STARTING = ("up", "demo")  # these start processes that look at one another: they are what a shell would run
TIME = re.compile(r"^[a-z]+: [0-9a-z ]+ so far, ")


def bare_environment() -> dict[str, str]:
    """The environment of the tests without what they set in it: settings of Latentloop and of its vendors."""
    foreign = ("LATENTLOOP_", "PREFECT_", "MLFLOW_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "COLUMNS": "200", "PYTHONWARNINGS": "default"}


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The bare environment and some settings in it; `product` sets LATENTLOOP_PRODUCT."""
    own = {f"LATENTLOOP_{name.upper()}": value for name, value in {"home": str(home), **settings}.items()}
    return {**bare_environment(), **own}


def make_ledger(home: Path) -> None:
    """Make the home's ledger, as `latentloop up` does before any process needs it."""
    open_migrated(home / "ledger.db").dispose()


def run_latentloop(
    *arguments: str, env: dict[str, str], folder: Path, timeout_s: float = 240
) -> subprocess.CompletedProcess[str]:
    """Run the first `latentloop` of the path to its end in `folder`, away from the checkout's own settings file.

    Whether it says meanwhile how long it takes depends on the machine: these lines are left out.
    """
    command = [program(env), *arguments]
    if arguments[0] not in STARTING and forking().can_run(env):
        done = forking().run(ENTRY, env, folder, timeout_s, command)
    else:
        done = subprocess.run(
            command, env=env, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s,
            check=False,
        )  # fmt: skip
    done.stderr = "".join(line for line in done.stderr.splitlines(keepends=True) if not TIME.match(line))
    return done


@cache
def forking() -> Forking:
    """The process whose forks these commands are."""
    return Forking(bare_environment(), LIBRARIES)


def program(env: dict[str, str]) -> str:
    """The first `latentloop` of the path."""
    found = shutil.which("latentloop", path=env["PATH"])
    assert found is not None
    return found
