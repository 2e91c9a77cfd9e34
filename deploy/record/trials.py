"""Ledger lines of a trial: its beginning, the runs that measure its Fréchet distance and what they found, its end."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from deploy.record.kind import Kind

_LINE = ConfigDict(frozen=True, extra="forbid")


class TrialBegun(BaseModel):
    """Whose pairs count from now on: the candidate's digest, the champion, and the release that holds both."""

    model_config = _LINE

    digest: str
    champion: str
    champion_digest: str
    epoch: int
    since: AwareDatetime


class MeasuredChange(BaseModel):
    """Relative change of the Fréchet distance of reconstructions (candidate / champion) - 1, paired on n images.

    The intervals of all looks at a canary hold together with 95 %.
    """

    model_config = _LINE

    schema_version: int = 1
    value: float
    low: float
    high: float
    n: int


class AskedMeasurement(BaseModel):
    """A run that measures a canary, its page, which look it is, which attempt at it, and what it was told."""

    model_config = _LINE

    run: str
    url: str
    attempt: int = Field(ge=1)
    look: int = Field(1, ge=1)
    parameters: Mapping[str, JsonValue] = Field(default_factory=dict)


class Settled(BaseModel):
    """The watch period of the version that release `epoch` promoted is over."""

    model_config = _LINE

    epoch: int
    reason: str


def _say_begun(begun: TrialBegun) -> str:
    return f"tried against version {begun.champion}"


def _say_change(change: MeasuredChange) -> str:
    return f"Fréchet distance {change.value:+.1%} [{change.low:+.1%}, {change.high:+.1%}] (n={change.n:,})"


def _say_asked(asked: AskedMeasurement) -> str:
    return f"look {asked.look}, attempt {asked.attempt}: {asked.url}"


TRIAL = Kind("trial", TrialBegun, say=_say_begun)
"""About the candidate's version."""

FRECHET = Kind("frechet", MeasuredChange, say=_say_change)
"""About `VERSION@EPOCH` of the trial."""

FRECHET_ASKED = Kind("frechet-asked", AskedMeasurement, say=_say_asked)
"""About `VERSION@EPOCH` of the trial."""

SETTLED = Kind("settled", Settled, say=attrgetter("reason"))
"""About the promoted version."""
