"""Ledger lines of kind `registered`: which digest became which version, and what its gate said of it.

What the gate said counts by these lines. A tag in the registry is their face: whoever edits it, or makes a version past
this installation, changes nothing that is decided.
"""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Literal

from pydantic import BaseModel, ConfigDict

from deploy.record.kind import Kind
from deploy.stores.sql.ledger import Ledger

ValidatedImage = Literal["passed", "failed"]


class RegisteredLine(BaseModel):
    """A version as it was registered. `who`: the person who did it by hand; empty for a training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    benchmark: ValidatedImage
    reason: str
    who: str = ""


REGISTERED = Kind("registered", RegisteredLine, say=attrgetter("reason"))
"""About the version."""


def record_registered(ledger: Ledger, version: str, line: RegisteredLine, trigger: str, now: datetime) -> None:
    """Write it down, once for each trigger."""
    REGISTERED.write(ledger, version, line, now, key=f"{REGISTERED.name}:{trigger}")


def read_registered(ledger: Ledger, version: str, digest: str) -> RegisteredLine | None:
    """What is on record of this version under this digest; None for a version that was made past the installation."""
    lines = (each.body for each in REGISTERED.lines(ledger, version))
    return next((each for each in lines if each.digest == digest), None)
