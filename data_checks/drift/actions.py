"""What may be done about a judgement, by name: in the ledger, in the events and in the triggers of `prefect.yaml`."""

from __future__ import annotations

from typing import Literal

Action = Literal["incremental", "emergency", "full", "block", "roll_back", "scale_out", "none", "cannot_judge"]

RETRAINS: tuple[Action, ...] = ("incremental", "emergency", "full")
"""Those that train, each by the tier of that name."""
