"""The whole of `latentloop init` without a terminal: what it reports, tells and writes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from latentloop.init.deciding import MeasureRate, measure_rate
from latentloop.init.report import InitReport
from latentloop.init.story import run_init
from latentloop.init.wishes import read_wishes

FLAGS = ("size", "channels", "fit", "subfolders", "product")


def init(
    place: object,
    output: str = "latentloop.toml",
    trial_s: float = 0.0,
    measure: MeasureRate = measure_rate,
    **flags: str,
) -> tuple[InitReport, str]:
    """What it reports, and the lines that it told."""
    told: list[str] = []
    wishes = read_wishes(
        None if place is None else str(place), {each: flags.get(each) for each in FLAGS}, Path(output),
        asks=False, trial_s=trial_s,
    )  # fmt: skip
    found = run_init(wishes, told.append, told.append, measure)
    return found, "\n".join(told)


def written(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "latentloop.toml").read_text())
