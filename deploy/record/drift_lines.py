"""The monitor's lines in the ledger (kind `drift`): written by a run of its flow, acted on by the controller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from data_checks.drift.actions import Action

if TYPE_CHECKING:
    from deploy.stores.sql.ledger import Ledger, LedgerEntry

LINES = 500  # an hourly monitor writes them in three weeks; what waits longer than that is out of date


class DriftLine(BaseModel):
    """What a run found of a champion, and what is to be done about it. Shares in [0, 1].

    For a retraining action `key` names the trigger that the retraining must claim; it waits until `needed_images` more
    images of the new kind were captured, at `new_share_low` of the requests answered since `window_since`. Who writes
    one may add nothing of his own; who reads one passes over what a newer version added (`read_line`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    key: str = Field(min_length=1)
    champion: str
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


def read_line(entry: LedgerEntry) -> DriftLine | None:
    """The line as a value; None for one that cannot be read."""
    try:
        return DriftLine.model_validate_json(entry.body, extra="ignore")
    except ValidationError:
        return None


def pending_lines(ledger: Ledger) -> Iterator[LedgerEntry]:
    """Monitor lines that nothing was done about yet, oldest first."""
    acted = {each.key for each in ledger.entries("drift-acted", limit=LINES)}
    for entry in reversed(ledger.entries("drift", limit=LINES)):
        if f"drift-acted:{entry.key or entry.id}" not in acted:
            yield entry


def later_lines(ledger: Ledger, entry: LedgerEntry) -> list[DriftLine]:
    """What the monitor said of the same champion after this line and could judge, oldest first."""
    later = [read_line(each) for each in ledger.entries("drift", entry.subject, limit=LINES) if each.id > entry.id]
    return [each for each in reversed(later) if each is not None and each.action != "cannot_judge"]
