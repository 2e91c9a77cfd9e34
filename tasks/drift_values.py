"""What passes between the steps of the monitor flow."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from data_checks.drift.actions import Action
from data_checks.verdict import Verdict
from deploy.release import ServedVersion


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1


class MonitorPlan(_Value):
    """Which traffic is judged: the newest rows of the champion between two moments.

    Fixed once, so that a run that starts again judges the same.
    """

    key: str
    reason: str
    champion: ServedVersion | None
    since: AwareDatetime
    until: AwareDatetime
    promoted_at: AwareDatetime | None
    previous_exists: bool


class FoundKind(_Value):
    """A new kind of image in the window: `found` images of it, those that only look like it taken off.

    `recent_share_low` is the lower 95 % bound of its share of the newest requests.
    """

    found: int
    share: float
    recent_share_low: float
    purity: float
    error_ratio: float


class JudgedTraffic(_Value):
    """The verdicts by judge, the action that triage chose, and what else is true at the same time."""

    n: int
    received: int
    verdicts: dict[str, Verdict]
    new_kind: FoundKind | None
    action: Action
    reason: str
    also: tuple[tuple[str, str], ...] = ()


class StoredSnapshot(_Value):
    """The Evidently snapshot: its id, where a person opens it, and which of its tests failed."""

    snapshot: str
    url: str
    failed: tuple[str, ...]
    stock_verdict: str
