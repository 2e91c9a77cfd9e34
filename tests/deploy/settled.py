"""An empty folder to read settings in, with no setting in the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.settings import VENDOR_ENVIRONMENT


def empty_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in `folder`; what loading settings sets in the environment is undone with the test."""
    monkeypatch.chdir(folder)
    for name in [*os.environ]:
        if name.startswith("LATENTLOOP_"):
            monkeypatch.delenv(name)
    for name, value in VENDOR_ENVIRONMENT.items():
        monkeypatch.setenv(name, os.environ.get(name, value))
