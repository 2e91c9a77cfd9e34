"""What a running installation keeps is its user's alone, whoever of its processes wrote it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.e2e.conftest import Loop


def _open_to_others(home: Path) -> list[str]:
    found = []
    for path in (home, *home.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # a database's -wal comes and goes
            if not path.is_symlink() and path.lstat().st_mode & 0o077:
                found.append(str(path.relative_to(home)))
    return found


def test_no_file_and_no_folder_of_a_running_home_is_open_to_others(loop: Loop, served: str) -> None:
    home = loop.settings.home
    kept = {"ledger.db", "telemetry.db", "objects", "secrets", "logs", "prefect", "mlflow", "run", "cache"}
    assert kept <= {path.name for path in home.iterdir()}
    assert _open_to_others(home) == []
