"""Ledger lines of runs that the controller asked for: the monitor's of an alarm, and those that it asked for again."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from deploy.record.kind import Kind


class AskedRun(BaseModel):
    """A run, its page, which attempt at its trigger it is, and what it was told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    url: str
    attempt: int = Field(1, ge=1)
    parameters: Mapping[str, JsonValue] = Field(default_factory=dict)


def _say(asked: AskedRun) -> str:
    return f"attempt {asked.attempt}: {asked.url}"


ALARM_RUN = Kind("alarm-run", AskedRun, say=_say)
"""About an alarm's key: the run of the monitor that looks into it."""

ALARM_RETRY = Kind("alarm-retry", AskedRun, say=_say)
"""About an alarm's key: another run, where the one before died."""

DRIFT_RETRY = Kind("drift-retry", AskedRun, say=_say)
"""About a retraining's trigger: another run, where nobody works on it."""
