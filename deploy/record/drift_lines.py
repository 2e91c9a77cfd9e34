"""Ledger lines of drift: what the monitor found, what was done about it, the event that asks for a training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from data_checks.drift.actions import Action
from deploy.record.kind import Kind, Line

if TYPE_CHECKING:
    from deploy.stores.sql.ledger import Ledger

LINES = 500  # an hourly monitor writes them in three weeks; what waits longer than that is out of date


class DriftLine(BaseModel):
    """What a run found of a champion (no `digest` in older lines), and what is to be done. Shares in [0, 1].

    For a retraining action `key` names the trigger that the retraining must claim; it waits until `needed_images` more
    images of the new kind were captured, at `new_share_low` of the requests answered since `window_since`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    key: str = Field(min_length=1)
    champion: str
    digest: str = ""
    action: Action | Literal["wait"]
    reason: str
    also: tuple[tuple[str, str], ...] = ()
    snapshot: str = ""
    url: str = ""
    failed: tuple[str, ...] = ()
    new_share: float = Field(0.0, ge=0, le=1)
    new_share_low: float = Field(0.0, ge=0, le=1)
    needed_images: int = Field(0, ge=0)
    window_since: AwareDatetime
    at: AwareDatetime


class DriftActed(BaseModel):
    """What was done about a line of the monitor; `line` is its key, `action` empty where it could not be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: str | None
    action: str
    reason: str


class DriftEvent(BaseModel):
    """The event that starts a retraining, and how many images of the new kind were there of those needed.

    `key` is the trigger that the retraining claims; `snapshot` and `url` are the report that asks for it; `digest` is
    the champion's, empty in older lines.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: str
    event_id: str
    digest: str = ""
    captured: int = 0
    needed: int = 0
    key: str
    snapshot: str
    url: str = ""
    failed: tuple[str, ...] = ()
    reason: str


def _say_line(line: DriftLine) -> str:
    return f"{line.action}: {line.reason}"


def _say_acted(acted: DriftActed) -> str:
    return f"{acted.action}: {acted.reason}" if acted.action else acted.reason


def _say_event(event: DriftEvent) -> str:
    return event.reason


DRIFT = Kind("drift", DriftLine, say=_say_line)
"""About the champion's version; its key is `drift:` and the key of the monitor's run."""

DRIFT_ACTED = Kind("drift-acted", DriftActed, say=_say_acted)
"""About the champion's version."""

DRIFT_EVENT = Kind("drift-event", DriftEvent, say=_say_event)
"""About the champion's version."""


def pending_lines(ledger: Ledger) -> Iterator[Line[DriftLine]]:
    """Monitor lines that nothing was done about yet, oldest first."""
    acted = {each.key for each in DRIFT_ACTED.lines(ledger, limit=LINES)}
    for line in reversed(DRIFT.lines(ledger, limit=LINES)):
        if acted_key(line) not in acted:
            yield line


def acted_key(line: Line[DriftLine]) -> str:
    """The key under which it is written once that something was done about the line."""
    return f"{DRIFT_ACTED.name}:{line.key or line.id}"


def later_lines(ledger: Ledger, line: Line[DriftLine]) -> list[DriftLine]:
    """What the monitor said of the same champion after this line and could judge, oldest first."""
    about = line.readable
    later = [each.readable for each in DRIFT.lines(ledger, line.subject, limit=LINES) if each.id > line.id]
    return [
        each
        for each in reversed(later)
        if each is not None and each.action != "cannot_judge" and (about is None or is_about(each, about.digest))
    ]


def is_about(said: DriftLine | DriftEvent, digest: str) -> bool:
    """Whether it is about the model of this digest, as far as one can tell: a number may have been another's."""
    return "" in (said.digest, digest) or said.digest == digest
