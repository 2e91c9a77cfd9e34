"""The monitor's lines in the ledger (kind `drift`) as the controller reads them."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from deploy.stores.ledger import Ledger, LedgerEntry

LINES = 500  # an hourly monitor writes them in three weeks; what waits longer than that is out of date


class DriftLine(BaseModel):
    """The part of a monitor's line that is acted on. Shares in [0, 1]."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str = Field(min_length=1)
    action: str
    reason: str
    snapshot: str = ""
    url: str = ""
    failed: tuple[str, ...] = ()
    new_share_low: float = Field(0.0, ge=0, le=1)
    needed_images: int = Field(0, ge=0)
    window_since: AwareDatetime


def read_line(entry: LedgerEntry) -> DriftLine | None:
    """The line as a value; None for one that cannot be read."""
    try:
        return DriftLine.model_validate_json(entry.body)
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
