"""Ledger lines that are the verdict of a judge: on data, labels, a candidate, golden inputs, a trial, the traffic."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import TYPE_CHECKING

from data_checks.verdict import Verdict
from deploy.record.kind import Kind

if TYPE_CHECKING:
    from deploy.delivery.steps import Stage

DATA = Kind("data", Verdict, say=attrgetter("reason"))
"""About a training's key: are its rows fit to train on?"""

LABELS = Kind("labels", Verdict, say=attrgetter("reason"))
"""About a training's key: are the labels mostly right?"""

GATE = Kind("gate", Verdict, say=attrgetter("reason"))
"""About a training's key: is the candidate good enough?"""

GOLDEN = Kind("golden", Verdict, say=attrgetter("reason"))
"""About `VERSION@EPOCH`: does the service answer the golden inputs as the artifact says?"""

ALARM = Kind("alarm", Verdict, say=attrgetter("reason"))
"""About a champion's version: a suspicion of the cheap screening. Its key names the run of the monitor that looks."""

TRIALS: Mapping[Stage, Kind[Verdict]] = {
    "shadow": Kind("shadow-verdict", Verdict, say=attrgetter("reason")),
    "canary": Kind("canary-verdict", Verdict, say=attrgetter("reason")),
    "watch": Kind("watch-verdict", Verdict, say=attrgetter("reason")),
}
"""About a version: what a stage of its trial said when it ended."""
