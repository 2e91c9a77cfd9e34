"""`latentloop settings` as it is asked, and what it answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.latentloop.front_door import environment


def bare(**settings: str) -> dict[str, str]:
    env = environment(Path("unused"), **settings)
    del env["LATENTLOOP_HOME"]
    return env


def said(stdout: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(stdout)["settings"]}
