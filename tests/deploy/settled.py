"""An empty folder to read settings in, with no setting in the environment, and what is said of settings there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.settings import VENDOR_ENVIRONMENT, SettingsError, load_settings


def empty_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in `folder`; what loading settings sets in the environment is undone with the test."""
    monkeypatch.chdir(folder)
    for name in [*os.environ]:
        if name.startswith("LATENTLOOP_"):
            monkeypatch.delenv(name)
    for name, value in VENDOR_ENVIRONMENT.items():
        monkeypatch.setenv(name, os.environ.get(name, value))


def problems() -> list[str]:
    """Load what must be refused; one entry a problem."""
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return str(refused.value).splitlines()
